import { ModbusCodec } from '../../bus/modbus-codec.ts';
import type { ReadRequest } from '../../bus/request.ts';
import type { Vector } from '../profile/device-shape.ts';
import { type Point, wordsOf } from '../profile/point.ts';
import { addressOf, decodePoint, encodeWrite, type Placement, RegisterWords, rawLimit, unitOf } from '../registers.ts';
import type { Find, ModbusProfile } from './finding.ts';
import { variantFor } from './given-variant.ts';
import { answerOf, type BareFrame, bareFrame, readRequestOf, replyMismatch } from './vector-frame.ts';

/** Runs every frame vector against its profile: what it reads must be read so, what it writes must be written so. */
export function checkVectors(profile: ModbusProfile, find: Find): void {
  profile.vectors.forEach((vector, i) => {
    checkVector(profile, vector, (path, reason) => find(['vectors', i, ...path], reason));
  });
}

function checkVector(profile: ModbusProfile, vector: Vector, find: Find): void {
  const stride = profile.sockets?.stride ?? 0;
  if (stride > 0 && vector.socket === undefined) return find(['socket'], 'needed: it moves the addresses');
  const request = bareFrame(vector.request, vector.framing);
  if ('reason' in request) return find(['request'], request.reason);
  const place = { unit: request.value.adu[0] ?? 0, offset: stride * (vector.socket ?? 0) };
  const reply = vector.reply === undefined ? null : bareFrame(vector.reply, vector.framing);
  if (reply !== null && 'reason' in reply) return find(['reply'], reply.reason);
  if (vector.writes !== undefined) checkWrite(profile, vector.writes, request.value, place, find);
  if (reply === null) return;
  if (vector.reads !== undefined) return checkReads(profile, vector, request.value, reply.value, place, find);
  const mismatch = replyMismatch(request.value, reply.value);
  if (mismatch !== null) find(['reply'], mismatch);
}

function checkReads(
  profile: ModbusProfile,
  vector: Vector,
  request: BareFrame,
  reply: BareFrame,
  place: Placement,
  find: Find,
): void {
  const read = readRequestOf(request);
  if (read === null) return find(['request'], 'not the question of a read');
  for (const problem of refusedByDevice(profile, read)) find(['request'], problem);
  const answer = answerOf(request, read, reply);
  if ('reason' in answer) return find(['reply'], answer.reason);
  const words = new RegisterWords();
  words.add(place.unit, read, answer.value);
  const points = { ...profile.points, ...variantFor(profile, vector.given)?.points };
  for (const [name, expected] of Object.entries(vector.reads ?? {})) {
    const reason = pointMismatch(points[name], name, expected, words, read, place);
    if (reason !== null) find(['reads', name], reason);
  }
}

/** What the device does not allow of a read, although somebody has recorded it. */
function refusedByDevice(profile: ModbusProfile, { fc, address, count }: ReadRequest): string[] {
  const problems: string[] = [];
  if (fc >= 3 && count > profile.maxReadRegisters)
    problems.push(`${count} registers, but one read takes ${profile.maxReadRegisters}`);
  for (const [from, to] of profile.forbidden)
    if (address <= to && address + count > from) problems.push(`${from} to ${to} must not be read`);
  return problems;
}

function pointMismatch(
  point: Point | undefined,
  name: string,
  expected: number | string | null,
  words: RegisterWords,
  read: ReadRequest,
  place: Placement,
): string | null {
  if (point === undefined) return `no point is named "${name}"`;
  const unit = unitOf(point, place);
  if (unit !== place.unit) return `is at unit ${unit}, asked was unit ${place.unit}`;
  if (point.fc !== read.fc) return `is read by function ${point.fc}, asked was function ${read.fc}`;
  const raw = words.get(point, place);
  if (raw === null) {
    const from = addressOf(point, place);
    return `takes ${from} to ${from + wordsOf(point) - 1}, asked was ${read.address} to ${read.address + read.count - 1}`;
  }
  const value = decodePoint(point, raw);
  return value === expected ? null : `reads ${JSON.stringify(value)}, expected ${JSON.stringify(expected)}`;
}

function checkWrite(
  profile: ModbusProfile,
  { write: name, raw, limitMa }: NonNullable<Vector['writes']>,
  request: BareFrame,
  place: Placement,
  find: Find,
): void {
  const write = 'writes' in profile ? profile.writes[name] : undefined;
  if (write === undefined) return find(['writes', 'write'], `no write is named "${name}"`);
  const unit = unitOf(write, place);
  if (unit !== place.unit) return find(['request'], `"${name}" is at unit ${unit}, not ${place.unit}`);
  if (limitMa !== undefined && profile.kind !== 'pile') return find(['writes', 'limitMa'], 'only a pile has a limit');
  const stepMa = profile.kind === 'pile' ? profile.limits.stepMa : 1;
  const value = limitMa === undefined ? (raw ?? 0) : rawLimit(write, limitMa, stepMa);
  const sent = new ModbusCodec().encode(unit, encodeWrite(write, value, place));
  const isSame = sent.length === request.adu.length && sent.every((byte, i) => byte === request.adu[i]);
  if (!isSame) find(['request'], `the edge sends ${spaced(sent)}, without its framing ${spaced(sent.subarray(0, -2))}`);
}

const spaced = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/..(?!$)/g, '$& ');
