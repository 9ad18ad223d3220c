// Adds a bill up again from the data of `charge.ended`: meter readings, tariff, and nothing of what the platform added up.
// A charge that is void or abnormal has no bill to check.

/** energy_wh × price_e4 / 100,000, rounded half up. */
const amountOf = (energyWh, priceE4) => Math.floor((2 * energyWh * priceE4 + 100_000) / 200_000);

/** The prices at an instant: the tariff's local day and minute choose the band. */
function bandAt(tariff, at) {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: tariff.timezone,
    dateStyle: 'short',
    timeStyle: 'short',
    hourCycle: 'h23',
  }).formatToParts(new Date(at));
  const { year, month, day, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  const date = `${year}-${month}-${day}`;
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay() || 7;
  const fits = (wanted, value) => wanted === null || wanted.includes(value);
  const plan = tariff.days.find(
    ({ months, weekdays, dates }) => fits(months, Number(month)) && fits(weekdays, weekday) && fits(dates, date),
  );
  const minuteOfDay = Number(hour) * 60 + Number(minute);
  return (plan ?? tariff).bands.findLast((band) => band.start_minute <= minuteOfDay);
}

/** minutes × minute_price_e4 / 100, rounded half up. */
const minutesAmount = (minutes, priceE4) => Math.floor((2 * minutes * priceE4 + 100) / 200);

/** What is charged beside energy, by the tariff: what the energy lacks of the minimum, and the reservation by its started minutes. */
function feesOf({ tariff, reserved_ms: reservedMs }, energyWh, energyMinor) {
  const fees = [];
  const lacking = (tariff.minimum_minor ?? 0) - energyMinor;
  if (energyWh > 0 && lacking > 0) fees.push({ fee: 'minimum', amount_minor: lacking });
  if (reservedMs === null || tariff.reservation === null) return fees;
  const { flat_minor: flatMinor, minute_price_e4: priceE4 } = tariff.reservation;
  const minutes = Math.ceil(reservedMs / 60_000);
  if (flatMinor !== null) fees.push({ fee: 'reservation', amount_minor: flatMinor });
  if (priceE4 !== null && minutes > 0) fees.push({ fee: 'reservation', amount_minor: minutesAmount(minutes, priceE4) });
  return fees;
}

/**
 * The order's bill, recomputed.
 *
 * @returns `total_minor` as added up here, and `complaints`: what the platform's bill says otherwise
 */
export function checkBill({ cdr, amount_due: amountDue }) {
  const { tariff, bill, readings } = cdr;
  const complaints = [];
  const expectSame = (what, here, there) => {
    if (here !== there) complaints.push(`${what}: ${here} here, ${there} in the bill`);
  };
  const counted = cdr.meter_end_wh - cdr.meter_start_wh;
  expectSame('energy', counted, cdr.energy_wh);
  const registerAt = (at) => readings.find((reading) => reading.at === at)?.register_wh;

  let totalMinor = 0;
  for (const fee of ['electricity', 'service']) {
    const lines = bill.lines.filter((line) => line.fee === fee);
    for (const line of lines) {
      const band = bandAt(tariff, line.from);
      const priceE4 = fee === 'electricity' ? band.electricity_price_e4 : band.service_price_e4;
      expectSame(`price of ${fee} from ${line.from}`, priceE4, line.price_e4);
      // A line that begins and ends at a reading has what the meter counted between them.
      const [first, last] = [registerAt(line.from), registerAt(line.to)];
      const isRead = first !== undefined && last !== undefined && cdr.meter_events.length === 0;
      const energyWh = isRead ? last - first : line.energy_wh;
      expectSame(`energy of ${fee} from ${line.from}`, energyWh, line.energy_wh);
      expectSame(`amount of ${fee} from ${line.from}`, amountOf(energyWh, priceE4), line.amount_minor);
      totalMinor += amountOf(energyWh, priceE4);
    }
    const billed = lines.reduce((sum, line) => sum + line.energy_wh, 0);
    expectSame(`energy billed for ${fee}`, counted, billed);
  }
  const fees = feesOf(cdr, counted, totalMinor);
  const told = (list) => list.map(({ fee, amount_minor: minor }) => `${fee} ${minor}`).join(', ');
  expectSame('fees', told(fees), told(bill.fees));
  for (const fee of fees) totalMinor += fee.amount_minor;
  expectSame('total', totalMinor, bill.total.minor);
  expectSame('amount due', Math.min(totalMinor, bill.held?.minor ?? totalMinor), amountDue?.minor);
  return { total_minor: totalMinor, complaints };
}
