"""Build settlement.json: what follows from the rules of docs/spec/settlement.md for a few trades, readings, dues and histories, computed
here in exact fractions, with nothing of the ledger's code.

    python make_settlement.py > settlement.json
"""
import hashlib
import json
import struct
from fractions import Fraction
from math import floor

PARTS = ("buyerFee", "sellerFee", "wheeling", "toOperator", "fromOperator", "platform", "tax")


def allocate(total, wants, rule):
    if total >= sum(wants):
        return list(wants)
    if rule == "fifo":
        shares, left = [], total
        for want in wants:
            shares.append(min(want, left))
            left -= shares[-1]
        return shares
    exact = [Fraction(want * total, sum(wants)) for want in wants]
    shares = [floor(share) for share in exact]
    by_remainder = sorted(range(len(wants)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


def money_of(trade, delivered, top_up_rate):
    quantity = trade["quantityWh"]
    short = quantity - delivered
    price = trade["priceTicks"] * 10

    def charged(name):
        return trade[name] - floor(Fraction(trade[name] * short, quantity))

    def passed_on(name):
        return floor(Fraction(trade[name] * delivered, quantity))

    buyer_fee, seller_fee, wheeling = charged("buyerFee"), charged("sellerFee"), charged("wheeling")
    other, platform, tax = passed_on("fromOperator"), passed_on("platform"), passed_on("tax")
    top_up = floor(Fraction(top_up_rate * short, 10))
    by_buyer = min(price * short, top_up)
    money = {
        "buyer": -price * delivered - buyer_fee - wheeling - by_buyer,
        "seller": price * delivered - seller_fee - (top_up - by_buyer),
        "toOperator": buyer_fee + seller_fee + wheeling - other - platform - tax + top_up,
        "fromOperator": other,
        "platform": platform,
        "tax": tax,
    }
    assert sum(money.values()) == 0
    return money


def texts(amounts):
    return {name: str(amount) for name, amount in amounts.items()}


def charges(buyer_fee, seller_fee, wheeling, from_operator, platform, tax):
    rest = buyer_fee + seller_fee + wheeling - from_operator - platform - tax
    return dict(zip(PARTS, (buyer_fee, seller_fee, wheeling, rest, from_operator, platform, tax)))


ALLOCATIONS = [
    ("fifo", "fifo", 8000, [5000, 4000]),
    ("pro-rata", "proRata", 8000, [5000, 4000]),
    ("pro-rata-equal-remainders", "proRata", 5, [3, 3, 3]),
    ("pro-rata-largest-remainder", "proRata", 10, [7, 5, 3]),
    ("nothing", "proRata", 0, [5, 4]),
    ("enough", "fifo", 9, [5, 4]),
    ("beyond-double", "proRata", 999999999999, [1000000000000, 1000000000000, 3]),
    ("fifo-later-ones-get-nothing", "fifo", 3, [3, 1, 1]),
]
USUAL = {"priceTicks": 400, "quantityWh": 1000, **charges(101, 7, 1150, 400, 13, 70)}
THIRD = {"priceTicks": 421, "quantityWh": 3, **charges(1, 1, 1, 1, 1, 1)}
LARGE = {
    "priceTicks": 1,
    "quantityWh": 1000000000000,
    **charges(99999999999, 0, 123456789012345, 61728394506172, 1, 8076612738190),
}
TRADES = [
    ("whole", USUAL, 1000, 45000),
    ("nothing", USUAL, 0, 45000),
    ("part-top-up-dearer", USUAL, 600, 45000),
    ("part-top-up-cheaper", USUAL, 600, 30000),
    ("residue-to-the-delivery-operator", USUAL, 333, 45000),
    ("one-of-three-every-charge-one", THIRD, 1, 45000),
    ("two-of-three-every-charge-one", THIRD, 2, 45000),
    ("beyond-double", LARGE, 333333333333, 1000000000),
]

ZONES = {
    "Z1": {"topUpRate": 45000, "surplusRate": 22000, "allocation": "proRata"},
    "Z2": {"topUpRate": 58000, "surplusRate": 20000, "allocation": "fifo"},
}


def forward(number, buyer, seller, from_zone, to_zone, ticks, wh, parts):
    names = ("trade", "phase", "buyer", "seller", "fromZone", "toZone", "priceTicks", "quantityWh")
    return dict(zip(names, (number, "forward", buyer, seller, from_zone, to_zone, ticks, wh)), **parts)


SOLD = [
    forward(1, "bob", "ann", "Z1", "Z1", 400, 1000, charges(40001, 0, 0, 0, 0, 2617)),
    forward(2, "cat", "ann", "Z1", "Z2", 450, 2000, charges(90003, 11, 214000, 60000, 7, 19889)),
    forward(3, "ann", "bob", "Z2", "Z1", 500, 500, charges(25001, 0, 53500, 10000, 0, 5137)),
]


def reading(account, zone, meter, version, consumed, produced):
    names = ("account", "zone", "meter", "version", "consumedWh", "producedWh")
    return dict(zip(names, (account, zone, meter, version, consumed, produced)))


STEPS = [
    (
        "settled; the meter of cat is missing",
        [
            reading("ann", "Z1", "a1", 1, 0, 2500),
            reading("bob", "Z1", "b1", 1, 1400, 0),
            reading("bob", "Z2", "b2", 1, 0, 600),
        ],
    ),
    ("the reading of cat comes late", [reading("cat", "Z2", "c1", 1, 1500, 0)]),
    ("ann fed in less than was read first", [reading("ann", "Z1", "a1", 2, 0, 1000)]),
    (
        "and more after all, on two meters",
        [reading("ann", "Z1", "a1", 3, 100, 2900), reading("ann", "Z1", "a2", 1, 800, 0)],
    ),
]


def settle(readings):
    """All that follows from the last reading of each meter."""
    positions = sorted(
        {(t["seller"], t["fromZone"]) for t in SOLD}
        | {(t["buyer"], t["toZone"]) for t in SOLD}
        | {(r["account"], r["zone"]) for r in readings}
    )

    def own(position):
        return [r for r in readings if (r["account"], r["zone"]) == position]

    def sales(position):
        return [t for t in SOLD if (t["seller"], t["fromZone"]) == position]

    def purchases(position):
        return [t for t in SOLD if (t["buyer"], t["toZone"]) == position]

    exported = {p: sum(max(0, r["producedWh"] - r["consumedWh"]) for r in own(p)) for p in positions}
    imported = {p: sum(max(0, r["consumedWh"] - r["producedWh"]) for r in own(p)) for p in positions}
    delivered = {}
    for position in positions:
        wants = [t["quantityWh"] for t in sales(position)]
        shares = allocate(exported[position], wants, ZONES[position[1]]["allocation"])
        delivered.update({t["trade"]: share for t, share in zip(sales(position), shares)})

    money = {}

    def pay(who, amount):
        money[who] = money.get(who, 0) + amount

    for trade in SOLD:
        parties = money_of(trade, delivered[trade["trade"]], ZONES[trade["toZone"]]["topUpRate"])
        payees = {
            "buyer": trade["buyer"],
            "seller": trade["seller"],
            "toOperator": "operator " + trade["toZone"],
            "fromOperator": "operator " + trade["fromZone"],
        }
        for party, amount in parties.items():
            pay(payees.get(party, party), amount)

    def sum_of(trades):
        return sum(delivered[t["trade"]] for t in trades)

    told = []
    control = {zone: dict.fromkeys(("mintedWh", "movedInWh", "movedOutWh", "retiredWh", "expiredWh"), 0) for zone in ZONES}
    for position in positions:
        account, zone = position
        bought, sold = sum_of(purchases(position)), sum_of(sales(position))
        used = min(bought, imported[position])
        left = exported[position] - sold + bought - used
        surplus, expired = (left, 0) if own(position) else (0, left)
        amount = floor(Fraction(ZONES[zone]["surplusRate"] * surplus, 10))
        pay(account, amount)
        pay("operator " + zone, -amount)
        flows = control[zone]
        flows["mintedWh"] += exported[position]
        flows["movedInWh"] += sum_of([t for t in purchases(position) if t["fromZone"] != zone])
        flows["movedOutWh"] += sum_of([t for t in sales(position) if t["toZone"] != zone])
        flows["retiredWh"] += used + surplus
        flows["expiredWh"] += expired
        told.append(
            {
                "account": account,
                "zone": zone,
                "exportWh": exported[position],
                "importWh": imported[position],
                "usedWh": used,
                "surplusWh": surplus,
                "surplusAmount": str(amount),
                "expiredWh": expired,
                "retailWh": imported[position] - used,
            }
        )
    assert sum(money.values()) == 0
    for flows in control.values():
        minted, into, out, retired, expired = flows.values()
        assert minted + into - out - retired - expired == 0
    return {
        "deliveredWh": {str(trade): wh for trade, wh in sorted(delivered.items())},
        "positions": told,
        "money": texts(dict(sorted(money.items()))),
        "control": {zone: texts(flows) for zone, flows in control.items()},
    }


def resettlement():
    current, before, steps = {}, None, []
    for step, readings in STEPS:
        current.update({r["meter"]: r for r in readings})
        expected = settle(list(current.values()))
        now = expected["money"]
        deltas = {}
        if before is not None:
            names = sorted(set(now) | set(before))
            deltas = {"deltas": {name: str(int(now.get(name, 0)) - int(before.get(name, 0))) for name in names}}
        steps.append({"step": step, "readings": readings, "expected": expected, **deltas})
        before = now
    return {"zones": ZONES, "trades": SOLD, "steps": steps}


NETTINGS = [
    ("a-ring", [("ann", "bob", 100), ("bob", "cat", 90), ("cat", "ann", 80)], {"ann": 20}),
    (
        "one-who-cannot-pay-takes-the-next-along",
        [("ann", "bob", 100), ("bob", "cat", 100), ("dan", "cat", 5)],
        {"dan": 5},
    ),
    ("spared-by-an-elimination", [("ann", "zoe", 50), ("bob", "ann", 30), ("cat", "bob", 40)], {"bob": 10, "zoe": 0}),
    (
        "hub",
        [("op", "a", 10), ("op", "b", 20), ("c", "op", 25), ("d", "op", 15)],
        {"op": 0, "c": 25, "d": 10},
    ),
]


def netted(dues, available):
    unable = []
    while True:
        settled = [i for i, (payer, payee, _) in enumerate(dues) if payer not in unable and payee not in unable]
        net = {}
        for payer, payee, amount in (dues[i] for i in settled):
            net[payer] = net.get(payer, 0) - amount
            net[payee] = net.get(payee, 0) + amount
        failing = [name for name in sorted(net) if net[name] + available.get(name, 0) < 0]
        if not failing:
            break
        unable.append(failing[0])
    return {
        "settled": settled,
        "net": texts({name: amount for name, amount in sorted(net.items()) if amount}),
        "gross": str(sum(dues[i][2] for i in settled)),
        "netTotal": str(sum(amount for amount in net.values() if amount > 0)),
        "unable": unable,
    }


ANN, BOB, CAT = "a" * 32, "b" * 32, "d" * 32
ENTRIES = [
    {"kind": "reading", "meter": "c" * 32, "version": 1, "quality": "estimated", "consumedWh": 12, "producedWh": 2500},
    {
        "kind": "trade",
        "trade": 7,
        "phase": "forward",
        "bid": "1" * 64,
        "ask": "2" * 64,
        "buyer": BOB,
        "seller": ANN,
        "fromZone": "MEA-BKK-01",
        "toZone": "PEA-CNX-01",
        "priceTicks": 450,
        "quantityWh": 2000,
        **charges(90003, 11, 214000, 60000, 7, 19889),
        "tariffVersion": 3,
        "tariffHash": "4" * 64,
    },
    {"kind": "delivery", "trade": 7, "deliveredWh": 1800, "topUpRate": 58000},
    {
        "kind": "tariff",
        "version": 3,
        "hash": "4" * 64,
        "topUpRate": 45000,
        "surplusRate": 22000,
        "allocation": "proRata",
    },
]


def bytes_of(entry):
    def u8(value):
        return struct.pack(">B", value)

    def u32(name):
        return struct.pack(">I", entry[name])

    def u64(name):
        return struct.pack(">Q", entry[name])

    def digits(name):
        return bytes.fromhex(entry[name])

    def choice(name, *names):
        return u8(names.index(entry[name]))

    def zone(name):
        return u8(len(entry[name])) + entry[name].encode()

    kind = entry["kind"]
    if kind == "reading":
        quality = choice("quality", "actual", "estimated")
        return u8(1) + digits("meter") + u32("version") + quality + u64("consumedWh") + u64("producedWh")
    if kind == "trade":
        ids = b"".join(digits(name) for name in ("bid", "ask", "buyer", "seller"))
        head = u8(2) + u64("trade") + choice("phase", "spot", "forward") + ids + zone("fromZone") + zone("toZone")
        money = b"".join(u64(name) for name in PARTS)
        return head + u32("priceTicks") + u64("quantityWh") + money + u32("tariffVersion") + digits("tariffHash")
    if kind == "delivery":
        return u8(3) + u64("trade") + u64("deliveredWh") + u32("topUpRate")
    rates = u32("topUpRate") + u32("surplusRate")
    return u8(4) + u32("version") + digits("hash") + rates + choice("allocation", "fifo", "proRata")


def histories():
    chain, entries = bytes(32), []
    for entry in ENTRIES:
        encoded = bytes_of(entry)
        chain = hashlib.sha256(chain + encoded).digest()
        entries.append({"entry": entry, "bytes": encoded.hex(), "chain": chain.hex()})
    leaves = [(ANN, chain), (BOB, b"\1" * 32), (CAT, b"\2" * 32)]
    first, second, third = (hashlib.sha256(b"\0" + name.encode() + end).digest() for name, end in leaves)
    left = hashlib.sha256(b"\1" + first + second).digest()
    root = hashlib.sha256(b"\1" + left + third).hexdigest()
    told = [{"account": name, "history": end.hex()} for name, end in leaves]
    return {"entries": entries, "tree": {"leaves": told, "root": root}}


vectors = {
    "title": "Settlement by meters: allocation, the money of a trade, re-settlement, netting, control accounts, histories",
    "conventions": {
        "units": "Wh; micro-WATT (1,000,000 to the THB); rates in 0.0001 THB/kWh; prices in ticks of 0.01 THB/kWh",
        "amounts": "decimal strings",
        "rules": "docs/spec/settlement.md",
        "computedBy": "make_settlement.py beside this file, in exact fractions, with none of the ledger's code",
    },
    "allocation": [
        {"id": name, "rule": rule, "totalWh": total, "wantsWh": wants, "sharesWh": allocate(total, wants, rule)}
        for name, rule, total, wants in ALLOCATIONS
    ],
    "trades": [
        {"id": name, "trade": trade, "deliveredWh": wh, "topUpRate": rate, "money": texts(money_of(trade, wh, rate))}
        for name, trade, wh, rate in TRADES
    ],
    "resettlement": resettlement(),
    "netting": [
        {
            "id": name,
            "dues": [{"payer": payer, "payee": payee, "amount": str(amount)} for payer, payee, amount in dues],
            "available": texts(available),
            "expected": netted(dues, available),
        }
        for name, dues, available in NETTINGS
    ],
    "histories": histories(),
}
print(json.dumps(vectors, indent=1))
