"""Build tariff-book.json, version 1 of the tariff book of a development ledger, from tariffs.json.

    python make_tariff_book.py

Figures come from tariffs.json alone (rates in 0.0001 THB/kWh, ratios in 0.0001). What it does not say stands here and is marked:
entries whose Ft or tax nobody has decided yet have the status `assumed`. Holidays are those that the cabinet announced for the year;
days of the lunar calendar are what it announced, never computed. A year that is not here has no calendar, and no price.
"""
import json
from datetime import date, timedelta
from decimal import Decimal

source = json.load(open("tariffs.json"))

def rate(text):
    scaled = Decimal(text) * 10_000
    assert scaled == int(scaled), text
    return int(scaled)

def day_before(text):
    return (date.fromisoformat(text) - timedelta(days=1)).isoformat()

SCHEDULES = [  # (name, class, voltage, place in tariffs.json)
    ("residential-low", "residential", "low", 0),
    ("general-high", "general", "high", 1),
    ("general-medium", "general", "medium", 2),
    ("general-low", "general", "low", 3),
]
rows = source["timeOfUse"]["rates"]
RETAIL = [
    {"schedule": name, "class": kind, "voltage": voltage, "rates": [
        {"band": "onPeak", "rate": rate(rows[i]["onPeakThbPerKwh"])},
        {"band": "offPeak", "rate": rate(rows[i]["offPeakThbPerKwh"])},
    ]} for name, kind, voltage, i in SCHEDULES
]
ft = source["ft"][0]
vat = source["vat"]
highest = max(r["rate"] for s in RETAIL for r in s["rates"]) + rate(ft["thbPerKwh"])
# Accounts of the development ledger: they only have to be random, and the same in its genesis.
PAYEES = {"platform": "5b0c0b9d3c7e4f7a8d1f6a2e90c4b713", "tax": "c41f2a7789e04d0bb6e3d95a1f08c26e"}

def entry(first, last, status, why, wheeling, vat_rate, vat_until=None):
    tax = {"rate": vat_rate, "on": ["gridFee", "losses", "platformFee", "wheeling", "retail"] if vat_rate else []}
    if vat_until:
        tax["until"] = vat_until
    return {
        "validFrom": first, **({"validTo": last} if last else {}), "status": status, "source": why,
        # A postage stamp: once, by where the energy is delivered. No losses were published.
        "wires": [{"territory": name, "wheeling": wheeling, "exit": 0, "losses": 0} for name in ("MEA", "PEA", "EGAT")],
        "gridFee": rate(source["gridFee"]["rate"]), "platformFee": rate(source["platformFee"]["rate"]),
        "payer": {"buyerShare": 10_000, "sellerShare": 0} if source["gridFee"]["paidBy"] == "buyer" else None,
        "vat": tax,
        "timeOfUse": {
            "otherwise": "offPeak",
            "windows": [{"band": "onPeak", "days": ["weekday"], "from": "09:00", "to": "22:00"}],
            "holidays": ["publicHoliday", "labourDay"],
        },
        "retail": RETAIL, "ft": {"rate": rate(ft["thbPerKwh"]), "byClass": []},
        "feedIn": rate(source["feedIn"]["thbPerKwh"]),
        # The most that a shortfall can cost its seller.
        "marginRate": highest,
        "topUp": {"kind": "retail", "schedule": "residential-low"}, "surplus": {"kind": "feedIn"},
        "payees": PAYEES,
    }

draft = rate(source["wheeling"]["thbPerKwh"])
change = "2026-07-01"
after_ft = (date.fromisoformat(ft["to"]) + timedelta(days=1)).isoformat()
after_vat = (date.fromisoformat(vat["until"]) + timedelta(days=1)).isoformat()
MEA = "MEA profile/109/258; Ft May-Aug 2026"
ENTRIES = [
    entry(ft["from"], day_before(change), "published", f"{MEA}; sandbox: no wheeling and no VAT on the market's charges", 0, 0),
    entry(change, ft["to"], "draft", f"{MEA}; ERC draft wheeling {source['wheeling']['thbPerKwh']}, not final", draft, rate(vat["rate"]), vat["until"]),
    entry(after_ft, vat["until"], "assumed", "Ft Sep-Dec 2026 not known: that of May-Aug; ERC draft wheeling", draft, rate(vat["rate"]), vat["until"]),
    entry(after_vat, None, "assumed", "VAT 10 % unless the reduced rate is renewed; Ft and wheeling as before", draft, rate("0.10")),
]

P, S, L, R, X = "publicHoliday", "substitution", "labourDay", "royalPloughing", "special"
YEARS = {
    2020: [("01-01", P), ("02-08", P), ("02-10", S), ("04-06", P), ("04-13", P), ("04-14", P), ("04-15", P), ("05-01", L), ("05-04", P),
           ("05-06", P), ("05-11", R), ("06-03", P), ("07-05", P), ("07-06", P), ("07-07", S), ("07-27", X), ("07-28", P), ("08-12", P),
           ("09-04", X), ("09-07", X), ("10-13", P), ("10-23", P), ("11-19", X), ("11-20", X), ("12-05", P), ("12-07", S), ("12-10", P),
           ("12-11", X), ("12-31", P)],
    2023: [("01-01", P), ("01-02", S), ("03-06", P), ("04-06", P), ("04-13", P), ("04-14", P), ("04-15", P), ("04-17", S), ("05-01", L), ("05-04", P),
           ("05-05", X), ("05-17", R), ("06-03", P), ("06-05", S), ("07-28", P), ("07-31", X), ("08-01", P), ("08-02", P), ("08-12", P),
           ("08-14", S), ("10-13", P), ("10-23", P), ("12-05", P), ("12-10", P), ("12-11", S), ("12-31", P)],
    2026: [("01-01", P), ("01-02", X), ("03-03", P), ("04-06", P), ("04-13", P), ("04-14", P), ("04-15", P), ("05-01", L), ("05-04", P),
           ("05-13", R), ("05-31", P), ("06-01", S), ("06-03", P), ("07-28", P), ("07-29", P), ("07-30", P), ("08-12", P), ("10-13", P),
           ("10-23", P), ("12-05", P), ("12-07", S), ("12-10", P), ("12-31", P)],
}
DECIDED_ON = {"2020-04-13": "2020-03-18", "2023-07-31": "2023-07-31"}
CALENDAR = {
    "years": [{"year": year, "days": [{"date": f"{year}-{day}", "kind": kind} for day, kind in days],
               "source": "holidays as announced by the cabinet; lunar days as announced, not computed"} for year, days in YEARS.items()],
    "decisions": [{"decidedOn": DECIDED_ON[d["dates"][0]], "days": [{"date": day, "billedAs": "normal"} for day in d["dates"]],
                   "source": f"{d['why']} ({d['source']})"} for d in source["timeOfUse"]["calendarDecisions"]],
}

with open("tariff-book.json", "w") as f:
    json.dump({"version": 1, "entries": ENTRIES, "calendar": CALENDAR}, f, indent=2)
    f.write("\n")
