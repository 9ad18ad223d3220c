import { LineError } from '../../edge/bus/line-error.ts';
import type { ModbusRequest } from '../../edge/bus/request.ts';
import { delivers, faultIn } from '../../edge/control/reading.ts';
import { holds, type PointValue } from '../../edge/devices/profile/condition.ts';
import { type Point, wordsOf } from '../../edge/devices/profile/point.ts';
import type { Write } from '../../edge/devices/profile/write.ts';
import { placementOf } from '../../edge/devices/register-device.ts';
import { addressOf, decodePoint, encodeWrite, type Placement, unitOf } from '../../edge/devices/registers.ts';
import { Attendant } from './attendant.ts';
import type { Difference } from './difference.ts';
import { type PileCase, pileSite } from './pile-cases.ts';
import { type Expected, expectedOf, type Situation } from './point-truth.ts';

/** One profile beside its simulated device: what differs is noted. */
export class PointComparison {
  readonly site: ReturnType<typeof pileSite>;
  readonly attendant: Attendant;
  readonly found: Difference[] = [];
  readonly #one: PileCase;
  readonly #place: Placement;

  constructor(one: PileCase, pile: object = {}) {
    this.#one = one;
    this.site = pileSite(one, { pile });
    this.attendant = new Attendant(this.site, this.site.driver);
    this.#place = placementOf(one.profile, one);
  }

  note(what: string, profileSays: unknown, simulatorSays: unknown): void {
    const { profileId } = this.#one.profile;
    this.found.push({
      profile: profileId,
      what,
      profileSays: String(profileSays),
      simulatorSays: String(simulatorSays),
    });
  }

  /** Reads one point without its neighbours; a refusal is an answer as well. */
  readAlone(point: Point): Promise<PointValue | LineError> {
    const request = { fc: point.fc, address: addressOf(point, this.#place), count: wordsOf(point) };
    return this.#ask(unitOf(point, this.#place), request).then(
      (words) => decodePoint(point, words),
      (error) => {
        if (error instanceof LineError) return error;
        throw error;
      },
    );
  }

  /** Writes one raw value; whether the device takes it. */
  takes(write: Write, raw: number): Promise<boolean> {
    return this.#ask(unitOf(write, this.#place), encodeWrite(write, raw, this.#place)).then(
      () => true,
      () => false,
    );
  }

  #ask(unit: number, request: ModbusRequest): Promise<readonly number[]> {
    const { timing } = this.#one.profile;
    return this.site.during(this.site.modbus.request({ unit, priority: 'command', request, timing }));
  }

  /** The points as the firmware of this device has them. */
  async #points(): Promise<Readonly<Record<string, Point>>> {
    const { points, variants } = this.#one.profile;
    for (const variant of variants) {
      let fits = true;
      for (const condition of variant.when) {
        const point = points[condition.point];
        const value = point === undefined ? null : await this.readAlone(point);
        fits &&= !(value instanceof LineError) && holds(condition, value);
      }
      if (fits) return { ...points, ...variant.points };
    }
    return points;
  }

  /** Compares every point, and the state that follows from them. */
  async look(situation: Situation): Promise<void> {
    for (const [name, point] of Object.entries(await this.#points())) await this.#compare(name, point, situation);
    await this.attendant.tend(this.#one.profile.timing.pollMs);
    this.#compareState(situation);
  }

  async #compare(name: string, point: Point, situation: Situation): Promise<void> {
    const expect = () => expectedOf(this.#one, name, point, this.site.truth(), situation);
    const before = expect();
    const value = await this.readAlone(point);
    const after = expect();
    if (value instanceof LineError) this.note(name, `told by function ${point.fc} at ${point.address}`, value.message);
    else if (before !== undefined && after !== undefined) {
      if (!isBetween(value, before, after)) this.note(`${name}, ${situation}`, value, after.value);
    } else if (value === null) {
      // No card lies there: that is the rule.
      if (point.read !== 'cards') this.note(`${name}, ${situation}`, 'a value', 'not available');
    } else if (point.listed !== undefined && !point.listed.includes(value)) this.note(name, `${point.listed}`, value);
  }

  #compareState(situation: Situation): void {
    const { reading } = this.attendant;
    const { plugged, pileState, contactorClosed, welded } = this.site.truth();
    if (reading === null) return this.note(`state, ${situation}`, 'a reading', 'none');
    const isInTrouble = pileState === 'E' || pileState === 'F';
    const says = faultIn(reading) === null ? reading.status : 'fault';
    // Pilot and contactor disagree behind a weld: "plugged" with current and "charging" are both the truth.
    const isEither =
      welded && contactorClosed && says === 'plugged' && (reading.currentMa === null || delivers(reading));
    const is = isInTrouble ? 'fault' : !plugged ? 'unplugged' : contactorClosed ? 'charging' : 'plugged';
    if (says !== is && !isEither) return this.note(`state, ${situation}`, says, is);
    // What is wrong must not hide whether a vehicle is there.
    const hides = isInTrouble && reading.status !== 'fault' && reading.status !== (plugged ? 'plugged' : 'unplugged');
    if (hides) this.note(`vehicle, ${situation}`, reading.status, plugged ? 'plugged' : 'unplugged');
  }
}

/** A value that moves between two looks may be read as anything between them. */
function isBetween(value: PointValue, before: Expected, after: Expected): boolean {
  if (typeof value !== 'number' || typeof before.value !== 'number' || typeof after.value !== 'number')
    return value === after.value;
  const tolerance = Math.max(before.tolerance, after.tolerance);
  const [low, high] = [Math.min(before.value, after.value), Math.max(before.value, after.value)];
  return value >= low - tolerance && value <= high + tolerance;
}
