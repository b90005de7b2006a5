"""Build tariffs.json: what a tariff book says about days, bands, bills and fees, computed here from the rules of docs/spec/tariffs.md
with dates of the standard library and fractions, and nothing of the ledger's code.

    python make_tariffs.py
"""
import hashlib, json, random
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from math import floor

BANGKOK = timezone(timedelta(hours=7))
A = "a1" * 16
HOLIDAYS = {
    2020: [("2020-01-01", "publicHoliday"), ("2020-02-08", "publicHoliday"), ("2020-02-10", "substitution"), ("2020-04-06", "publicHoliday"),
           ("2020-04-13", "publicHoliday"), ("2020-04-14", "publicHoliday"), ("2020-04-15", "publicHoliday"), ("2020-05-01", "labourDay"),
           ("2020-05-04", "publicHoliday"), ("2020-05-06", "publicHoliday"), ("2020-05-11", "royalPloughing"), ("2020-07-27", "special")],
    2023: [("2023-01-01", "publicHoliday"), ("2023-01-02", "substitution"), ("2023-05-01", "labourDay"), ("2023-05-17", "royalPloughing"),
           ("2023-07-28", "publicHoliday"), ("2023-07-31", "special"), ("2023-08-01", "publicHoliday")],
    2026: [("2026-01-01", "publicHoliday"), ("2026-05-01", "labourDay"), ("2026-05-13", "royalPloughing"), ("2026-05-31", "publicHoliday"),
           ("2026-06-01", "substitution"), ("2026-06-03", "publicHoliday"), ("2026-07-28", "publicHoliday"), ("2026-12-05", "publicHoliday")],
}
CALENDAR = {
    "years": [{"year": y, "days": [{"date": d, "kind": k} for d, k in days], "source": "vectors"} for y, days in HOLIDAYS.items()],
    "decisions": [
        {"decidedOn": "2020-03-18", "days": [{"date": f"2020-04-{d}", "billedAs": "normal"} for d in (13, 14, 15)], "source": "ERC 2020-03-18"},
        {"decidedOn": "2020-03-18", "days": [{"date": "2020-07-27", "billedAs": "holiday"}], "source": "made up: the day in its stead"},
        {"decidedOn": "2023-07-20", "days": [{"date": "2023-07-31", "billedAs": "holiday"}], "source": "made up: decided one way"},
        {"decidedOn": "2023-07-31", "days": [{"date": "2023-07-31", "billedAs": "normal"}], "source": "ERC: and the other way", "supersedes": 3},
    ],
}
RETAIL = [
    {"schedule": "residential-low", "class": "residential", "voltage": "low",
     "rates": [{"band": "onPeak", "rate": 57982}, {"band": "offPeak", "rate": 26369}]},
    {"schedule": "general-low", "class": "general", "voltage": "low",
     "rates": [{"band": "onPeak", "rate": 43297}, {"band": "offPeak", "rate": 26369}]},
]

def entry(first, last, **changes):
    made = {
        "validFrom": first, "status": "published", "source": "vectors",
        "wires": [{"wheeling": 0, "exit": 0, "losses": 0}],
        "gridFee": 100, "platformFee": 0, "payer": {"buyerShare": 10000, "sellerShare": 0}, "vat": {"rate": 0, "on": []},
        "timeOfUse": {"otherwise": "offPeak", "windows": [{"band": "onPeak", "days": ["weekday"], "from": "09:00", "to": "22:00"}],
                      "holidays": ["publicHoliday", "labourDay"]},
        "retail": RETAIL, "ft": {"rate": 1623, "byClass": []}, "feedIn": 22000, "marginRate": 59605,
        "topUp": {"kind": "retail", "schedule": "residential-low"}, "surplus": {"kind": "feedIn"}, "payees": {"platform": A, "tax": A},
    }
    if last:
        made["validTo"] = last
    made.update(changes)
    return made

TAXED = ["gridFee", "losses", "platformFee", "wheeling", "retail"]
BOOK = {"version": 1, "calendar": CALENDAR, "entries": [
    entry("2020-01-01", "2026-06-30"),
    # Every kind of charge, shared unevenly, and three bands with a window that is not on the hour.
    entry("2026-07-01", "2026-09-30", status="draft",
          wires=[{"territory": "MEA", "voltage": "low", "wheeling": 10700, "exit": 3301, "losses": 37},
                 {"territory": "MEA", "wheeling": 9003, "exit": 2200, "losses": 11},
                 {"voltage": "high", "wheeling": 1001, "exit": 7, "losses": 3},
                 {"wheeling": 11510, "exit": 1999, "losses": 50}],
          platformFee=25, payer={"buyerShare": 7500, "sellerShare": 2500}, vat={"rate": 700, "on": TAXED, "until": "2026-09-30"},
          timeOfUse={"otherwise": "offPeak", "holidays": ["publicHoliday", "labourDay"],
                     "windows": [{"band": "shoulder", "days": ["weekday"], "from": "07:30", "to": "09:00"},
                                 {"band": "onPeak", "days": ["weekday"], "from": "09:00", "to": "22:00"},
                                 {"band": "shoulder", "days": ["saturday"], "from": "18:15", "to": "24:00"}]},
          retail=[{**s, "rates": s["rates"] + [{"band": "shoulder", "rate": 33333}]} for s in RETAIL],
          ft={"rate": 1623, "byClass": [{"class": "general", "rate": -1532}]}),
    entry("2026-10-01", None, status="assumed", vat={"rate": 1000, "on": ["gridFee", "wheeling"]}, payer={"buyerShare": 5000, "sellerShare": 5000},
          wires=[{"wheeling": 10700, "exit": 0, "losses": 0}], surplus={"kind": "rate", "rate": 16800}, topUp={"kind": "rate", "rate": 55555}),
]}

canonical = json.dumps(BOOK, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
HASH = hashlib.sha256(canonical.encode()).hexdigest()

def entry_on(day):
    return next((e for e in BOOK["entries"] if e["validFrom"] <= day.isoformat() <= e.get("validTo", "9999")), None)

def type_of(day, holidays=("publicHoliday", "labourDay")):
    if day.year not in HOLIDAYS:
        return None
    week = "sunday" if day.isoweekday() == 7 else "saturday" if day.isoweekday() == 6 else "weekday"
    said = None
    for decision in CALENDAR["decisions"]:
        for one in decision["days"]:
            if one["date"] == day.isoformat():
                said = one["billedAs"]
    if said:
        return "holiday" if said == "holiday" else week
    return "holiday" if dict(HOLIDAYS[day.year]).get(day.isoformat()) in holidays else week

def band_of(start):
    local = start.astimezone(BANGKOK)
    found, kind = entry_on(local.date()), type_of(local.date())
    if found is None or kind is None:
        return None
    clock = local.strftime("%H:%M")
    for window in found["timeOfUse"]["windows"]:
        if kind in window["days"] and window["from"] <= clock < window["to"]:
            return window["band"]
    return found["timeOfUse"]["otherwise"]

def interval(start):
    return start.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ/PT15M")

def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=BANGKOK)

def retail_of(start, schedule):
    found, band = entry_on(start.astimezone(BANGKOK).date()), band_of(start)
    row = next(s for s in found["retail"] if s["schedule"] == schedule)
    rate = next((r["rate"] for r in row["rates"] if r["band"] == band), None)
    return None if rate is None else rate + next((c["rate"] for c in found["ft"]["byClass"] if c["class"] == row["class"]), found["ft"]["rate"])

def wires_of(found, place):
    for wanted in ((place["territory"], place["voltage"]), (place["territory"], None), (None, place["voltage"]), (None, None)):
        for row in found["wires"]:
            if (row.get("territory"), row.get("voltage")) == wanted:
                return row

def fills(found, source, target, orders):
    """Trades one after the other; each names its bid and its ask, whose charges are floors of what all their trades come to."""
    to, out = wires_of(found, target), wires_of(found, source)
    vat = Fraction(found["vat"]["rate"], 10000)
    parts = {"gridFee": Fraction(found["gridFee"], 10000), "losses": Fraction(to["losses"], 10000), "platformFee": Fraction(found["platformFee"], 10000)}
    taxed = sum(v for k, v in parts.items() if k in found["vat"]["on"])
    charged = sum(parts.values()) + vat * taxed
    platform_part = parts["platformFee"] / charged if charged else Fraction(0)
    tax_part = vat * taxed / charged if charged else Fraction(0)
    w_from = out["exit"] if source["territory"] != target["territory"] else 0
    w_tax = floor((to["wheeling"] + w_from) * vat) if "wheeling" in found["vat"]["on"] else 0
    wheeling = to["wheeling"] + w_from + w_tax
    so_far, told = {}, []
    for bid, ask, ticks, wh in orders:
        notional, fee = ticks * wh * 10, {}
        for name, share in ((bid, "buyerShare"), (ask, "sellerShare")):
            before = so_far.get(name, 0)
            part = charged * Fraction(found["payer"][share], 10000)
            fee[share] = floor((before + notional) * part) - floor(before * part)
            so_far[name] = before + notional
        fees = fee["buyerShare"] + fee["sellerShare"]
        platform = floor(platform_part * fees)
        tax = floor(tax_part * fees) + floor(Fraction(w_tax * wh, 10))
        paid_wheeling, from_operator = floor(Fraction(wheeling * wh, 10)), floor(Fraction(w_from * wh, 10))
        told.append({"bid": bid, "ask": ask, "priceTicks": ticks, "quantityWh": str(wh), "notional": str(notional),
                     "buyerFee": str(fee["buyerShare"]), "sellerFee": str(fee["sellerShare"]), "wheeling": str(paid_wheeling),
                     "fromOperator": str(from_operator), "platform": str(platform), "tax": str(tax),
                     "toOperator": str(fees + paid_wheeling - platform - tax - from_operator)})
    return {"wheelingRate": wheeling, "trades": told}

days = ["2020-04-12", "2020-04-13", "2020-04-14", "2020-04-15", "2020-04-16", "2020-02-08", "2020-02-10", "2020-05-01", "2020-05-11", "2020-07-27",
        "2023-01-01", "2023-01-02", "2023-05-17", "2023-07-28", "2023-07-29", "2023-07-30", "2023-07-31", "2023-08-01", "2026-05-01",
        "2026-05-13", "2026-05-31", "2026-06-01", "2026-06-03", "2026-06-15", "2026-06-20", "2026-06-21", "2026-12-05", "2025-06-16", "2027-05-01"]
DAYS = [{"date": d, **({"type": type_of(date.fromisoformat(d))} if type_of(date.fromisoformat(d)) else {})} for d in days]

moments = ["2026-06-15T08:45", "2026-06-15T09:00", "2026-06-15T21:45", "2026-06-15T22:00", "2026-06-15T00:00", "2026-06-14T23:45",
           "2026-06-19T21:45", "2026-06-19T22:00", "2026-06-20T09:00", "2026-06-21T12:00", "2026-06-22T08:45", "2026-06-22T09:00",
           "2026-06-01T12:00", "2026-06-03T12:00", "2026-05-01T12:00", "2026-05-13T12:00", "2020-04-13T12:00", "2020-04-13T08:45",
           "2020-07-27T12:00", "2023-07-31T12:00", "2023-07-31T22:00", "2026-06-30T23:45", "2026-07-01T00:00", "2026-07-01T07:15",
           "2026-07-01T07:30", "2026-07-01T08:45", "2026-07-01T09:00", "2026-07-04T18:00", "2026-07-04T18:15", "2026-07-04T23:45",
           "2026-07-05T00:00", "2026-07-28T12:00", "2026-09-30T23:45", "2026-10-01T00:00", "2019-12-31T23:45", "2020-01-01T00:00",
           "2025-06-16T12:00"]
BANDS = []
for text in moments:
    start = at(text)
    band = band_of(start)
    BANDS.append({"local": text, "interval": interval(start), **({"band": band} if band else {})})

rng = random.Random(20261126)
SPLITS = []
for name, first, count in (("across 09:00", "2026-06-15T08:00", 8), ("across 22:00", "2026-06-15T21:15", 6), ("Friday night into Saturday", "2026-06-19T21:00", 16),
                           ("into a substitution day, which is no holiday", "2026-05-31T20:00", 60), ("out of one entry into the next", "2026-06-30T22:00", 48),
                           ("three bands, the first from 07:30", "2026-07-03T06:45", 16)):
    for schedule in ("residential-low", "general-low"):
        lines = []
        for i in range(count):
            start = at(first) + timedelta(minutes=15 * i)
            found = entry_on(start.date())
            wh, rate = rng.randrange(1, 2500), retail_of(start, schedule)
            amount = floor(Fraction(rate * wh, 10))
            tax = floor(Fraction(amount * found["vat"]["rate"], 10000)) if "retail" in found["vat"]["on"] else 0
            lines.append({"interval": interval(start), "quantityWh": str(wh), "band": band_of(start), "rate": rate, "amount": str(amount), "tax": str(tax)})
        sums = {}
        for line in lines:
            one = sums.setdefault(line["band"], {"quantityWh": 0, "amount": 0, "tax": 0})
            for key in one:
                one[key] += int(line[key])
        SPLITS.append({"name": name, "schedule": schedule, "lines": lines,
                       "byBand": [{"band": band, **{k: str(v) for k, v in one.items()}} for band, one in sorted(sums.items())]})

PLACES = {"MEA-BKK-01": {"territory": "MEA", "voltage": "low"}, "MEA-NON-02": {"territory": "MEA", "voltage": "medium"},
          "PEA-CNX-03": {"territory": "PEA", "voltage": "low"}, "EGAT-01": {"territory": "EGAT", "voltage": "high"}}
ORDERS = {
    "one trade": [("b1", "a1", 450, 1000000)],
    "an order in pieces pays what one in a piece pays": [("b1", f"a{i}", 333, wh) for i, wh in enumerate((1, 2, 3, 7, 1, 101, 333, 1999), 1)],
    "a micro-WATT that nobody can split": [("b1", "a1", 1, 100), ("b1", "a2", 1, 1), ("b2", "a2", 1, 1), ("b2", "a2", 3, 7)],
    "the largest order": [("b1", "a1", 400, 1000000000000)],
    "many": [(f"b{rng.randrange(4)}", f"a{rng.randrange(4)}", rng.randrange(1, 700), rng.randrange(1, 9999)) for _ in range(40)],
}
FEES = []
for name, orders in ORDERS.items():
    for start, source, target in (("2026-06-15T12:00", "MEA-BKK-01", "MEA-BKK-01"), ("2026-07-15T12:00", "MEA-BKK-01", "MEA-BKK-01"),
                                  ("2026-07-15T12:00", "PEA-CNX-03", "MEA-BKK-01"), ("2026-07-15T12:00", "MEA-BKK-01", "PEA-CNX-03"),
                                  ("2026-07-15T12:00", "MEA-BKK-01", "MEA-NON-02"), ("2026-07-15T12:00", "EGAT-01", "MEA-NON-02"),
                                  ("2026-07-15T12:00", "PEA-CNX-03", "EGAT-01"), ("2026-10-01T00:00", "PEA-CNX-03", "MEA-BKK-01")):
        FEES.append({"name": name, "interval": interval(at(start)), "fromZone": source, "toZone": target,
                     **fills(entry_on(at(start).date()), PLACES[source], PLACES[target], orders)})

RATES = []
for text in ("2026-06-15T12:00", "2026-06-15T23:00", "2026-07-15T08:00", "2026-10-01T00:00"):
    start = at(text)
    found = entry_on(start.date())
    top_up = found["topUp"]["rate"] if found["topUp"]["kind"] == "rate" else retail_of(start, found["topUp"]["schedule"])
    surplus = found["surplus"]["rate"] if found["surplus"]["kind"] == "rate" else found["feedIn"]
    RATES.append({"interval": interval(start), "topUpRate": top_up, "surplusRate": surplus,
                  "lines": [{"quantityWh": str(wh), "topUp": str(floor(Fraction(top_up * wh, 10))), "surplus": str(floor(Fraction(surplus * wh, 10)))}
                            for wh in (1, 3, 7, 999, 123457)]})

with open("tariffs.json", "w") as f:
    json.dump({
        "note": "A tariff book and what follows from it. Rates in 0.0001 THB/kWh, energy in Wh, money in micro-WATT (0.000001 THB), as decimal strings. "
                "A day or an interval without a type or band has none: its year was not declared, or it has no entry. Local times are Asia/Bangkok.",
        "book": BOOK, "hash": HASH, "zones": [{"id": k, **v} for k, v in PLACES.items()],
        "days": DAYS, "bands": BANDS, "splits": SPLITS, "fees": FEES, "rates": RATES,
    }, f, indent=1)
    f.write("\n")
