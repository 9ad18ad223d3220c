"""Prices the charges of cases.json, written without a look at the other program that does it.

Standard library only: zones by zoneinfo, amounts by fractions. Prints the bills as JSON; golden.json is what it printed.
    python3 test/rating/bill.py > test/rating/golden.json
"""

import json
import math
import sys
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

HALF = Fraction(1, 2)
CLOSE = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)


def minor(amount):
    """A fraction of the currency unit in hundredths, half up."""
    return math.floor(amount * 100 + HALF)


def epoch_ms(moment):
    return round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(milliseconds=1))


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def band_at(tariff, moment):
    """(number of the day plan or -1, number of the band) at an instant."""
    local = moment.astimezone(ZoneInfo(tariff["timezone"]))
    chosen, bands = -1, tariff["bands"]
    for number, plan in enumerate(tariff.get("days", [])):
        if local.month not in plan.get("months", [local.month]):
            continue
        if local.isoweekday() not in plan.get("weekdays", [local.isoweekday()]):
            continue
        if local.date().isoformat() not in plan.get("dates", [local.date().isoformat()]):
            continue
        chosen, bands = number, plan["bands"]
        break
    minute = local.hour * 60 + local.minute
    return chosen, max(n for n, band in enumerate(bands) if band["startMinute"] <= minute)


def pieces(tariff, begin, end):
    """[from, until) within one band each."""
    cuts, current = [begin], band_at(tariff, begin)
    moment = begin.replace(second=0, microsecond=0) + MINUTE
    while moment < end:
        found = band_at(tariff, moment)
        if found != current:
            cuts.append(moment)
            current = found
        moment += MINUTE
    return list(zip(cuts, cuts[1:] + [end]))


def register_at(readings, moment, end):
    """Whole Wh at an instant, and whether a meter has been read near enough to it."""
    if moment == end:
        return readings[-1][1], True
    for (t0, w0), (t1, w1) in zip(readings, readings[1:]):
        if t0 < moment < t1:
            part = Fraction(w1 - w0) * Fraction((moment - t0) // timedelta(milliseconds=1))
            part /= (t1 - t0) // timedelta(milliseconds=1)
            return w0 + math.floor(part), moment - t0 <= CLOSE and t1 - moment <= CLOSE
        if t1 == moment:
            return w1, True
    return readings[0][1], True


def time_line(fee, minutes, price_e4, most=None):
    amount = minor(Fraction(minutes * price_e4, 10_000))
    line = {"kind": "time", "fee": fee, "minutes": minutes, "minutePriceE4": price_e4}
    if most is not None:
        line["mostMinor"] = most
        amount = min(amount, most)
    return line | {"amountMinor": amount}


def started_minutes(duration_ms):
    return max(0, math.ceil(Fraction(duration_ms, 60_000)))


def reservation_fees(tariff, held_ms, no_show):
    price, fees = tariff.get("reservation", {}), []
    if "flatMinor" in price:
        fees.append({"kind": "flat", "fee": "reservation", "amountMinor": price["flatMinor"]})
    if "minutePriceE4" in price and held_ms > 0:
        fees.append(time_line("reservation", started_minutes(held_ms), price["minutePriceE4"]))
    if no_show and "noShowMinor" in price:
        fees.append({"kind": "flat", "fee": "no-show", "amountMinor": price["noShowMinor"]})
    return fees


def heading(tariff):
    return {"tariffId": tariff["tariffId"], "tariffVersion": tariff["version"], "currency": tariff["currency"]}


def fees_alone(tariff, lines):
    return heading(tariff) | {"lines": lines, "totalMinor": sum(line["amountMinor"] for line in lines)}


def occupancy(tariff, occupied_ms):
    price = tariff["occupancy"]
    minutes = started_minutes(occupied_ms - price["graceMinutes"] * 60_000)
    lines = [time_line("occupancy", minutes, price["minutePriceE4"], price.get("mostMinor"))] if minutes else []
    return fees_alone(tariff, lines)


def charge(tariff, readings, terms):
    readings = [(instant(at), wh) for at, wh in readings]
    begin, end = readings[0][0], readings[-1][0]
    lines, sums = [], {"electricity": 0, "service": 0}
    for start, stop in pieces(tariff, begin, end):
        plan, number = band_at(tariff, start)
        band = (tariff["days"][plan] if plan >= 0 else tariff)["bands"][number]
        low, low_is_read = register_at(readings, start, None)
        high, high_is_read = register_at(readings, stop, end)
        for fee in ("electricity", "service"):
            price = band[fee + "PriceE4"]
            amount = minor(Fraction((high - low) * price, 10_000 * 1000))
            sums[fee] += amount
            lines.append(
                {
                    "fee": fee,
                    "band": band["name"],
                    "fromMs": epoch_ms(start),
                    "toMs": epoch_ms(stop),
                    "energyWh": high - low,
                    "priceE4": price,
                    "amountMinor": amount,
                    "split": "measured" if low_is_read and high_is_read else "interpolated",
                }
            )
    energy, total = readings[-1][1] - readings[0][1], sum(sums.values())
    fees = []
    if energy > 0 and total < tariff.get("minimumMinor", 0):
        fees.append({"kind": "flat", "fee": "minimum", "amountMinor": tariff["minimumMinor"] - total})
    if "reservation" in terms:
        fees += reservation_fees(tariff, terms["reservation"]["heldMs"], False)
    bill = heading(tariff) | {"energyWh": energy, "lines": lines}
    bill |= {"electricityMinor": sums["electricity"], "serviceMinor": sums["service"]}
    if fees:
        extra = sum(line["amountMinor"] for line in fees)
        bill |= {"fees": fees, "feesMinor": extra}
        total += extra
    bill["totalMinor"] = total
    if "holdMinor" in terms:
        hold = terms["holdMinor"]
        bill["hold"] = {"holdMinor": hold, "chargedMinor": min(hold, total), "excessMinor": max(0, total - hold)}
    return bill


def bill_of(case, tariffs):
    tariff = tariffs[case["tariff"]]
    if "occupiedMs" in case:
        return occupancy(tariff, case["occupiedMs"])
    if "held" in case:
        held = case["held"]
        return fees_alone(tariff, reservation_fees(tariff, held["heldMs"], held["isNoShow"]))
    return charge(tariff, case["readings"], case.get("terms", {}))


document = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
bills = [{"name": case["name"], "bill": bill_of(case, document["tariffs"])} for case in document["cases"]]
sys.stdout.buffer.write((json.dumps(bills, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
