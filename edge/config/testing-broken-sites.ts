import { MAX_DOCUMENT_BYTES } from '#shared/documents.ts';

/** A site with a bit of everything: whatever a person could mistype is in it. */
export const richSite = {
  siteId: 'east-gate',
  dataDir: 'data',
  supplyLimitMa: 125_000,
  charge: { maxDurationMin: 600, maxEnergyWh: 90_000 },
  cloud: { brokerUrl: 'mqtts://broker.example:8883', shard: 7, passwordFile: 'secret/broker' },
  lines: [
    {
      lineId: 'rtu1',
      transport: 'serial',
      path: '/dev/ttyS1',
      baud: 19_200,
      parity: 'even',
      stopBits: 1,
      frameLog: { folder: 'frames', maxMb: 50 },
    },
    { lineId: 'rtu2', transport: 'serial', path: '/dev/ttyS2', baud: 9600, parity: 'none', stopBits: 1 },
    { lineId: 'box2', transport: 'tcp', host: '10.0.0.12', port: 502 },
    { lineId: 'gate', transport: 'rtu-over-tcp', host: '10.0.0.13', port: 4196, gatewayBaud: 9600 },
  ],
  piles: [
    {
      pileId: 'A1',
      connectorId: 'EAST-A1',
      profile: 'heidelberg-energy-control',
      lineId: 'rtu1',
      unit: 1,
      limitMa: 16_000,
      meterId: 'M1',
    },
    { pileId: 'B1', connectorId: 'EAST-B1', profile: 'keba-p30', lineId: 'box2', unit: 255, limitMa: 32_000 },
  ],
  meters: [
    { meterId: 'M1', profile: 'dlt645-2007', lineId: 'gate', address: '000000000161' },
    { meterId: 'GM', profile: 'eastron-sdm630', lineId: 'rtu2', unit: 20 },
  ],
  parking: [{ deviceId: 'G1', profile: 'bus-lock', lineId: 'rtu1', address: 4, connectorId: 'EAST-A1' }],
  io: [
    {
      boardId: 'IO1',
      profile: 'waveshare-relay-8ch-d',
      lineId: 'rtu2',
      unit: 1,
      inputs: [
        { inputId: 'E1', channel: 1, kind: 'emergency-stop', normally: 'closed', covers: 'all' },
        { inputId: 'D1', channel: 2, kind: 'door', normally: 'closed', covers: ['EAST-A1'] },
      ],
      outputs: [
        {
          outputId: 'T1',
          channel: 1,
          trips: ['EAST-B1'],
          energised: 'trips',
          pulseMs: 500,
          feedback: { channel: 8, suppliedWhen: 'closed' },
        },
      ],
    },
  ],
  power: {
    nodes: [{ nodeId: 'F1', limitMa: 63_000 }],
    outlets: [
      { connectorId: 'EAST-A1', node: 'F1', phases: 'L2L3L1', priority: 1 },
      { connectorId: 'EAST-B1', phases: 'L1L2L3' },
    ],
    gridMeter: { meterId: 'GM', fallbackLimitMa: 12_000 },
    turnMinutes: 15,
  },
  storage: { ballastMb: 8, keepDays: 90 },
  rules: 'rules.json',
  documents: { tariffs: 'tariffs.json' },
};

type Path = readonly (string | number)[];

/** A file that no edge may take, and where it says that it is wrong. */
export interface BrokenSite {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** The line of the mistake, from 1; null where a file as a whole is meant. */
  readonly line: number | null;
  readonly path: string;
}

interface Written {
  readonly text: string;
  /** On which line each value begins. It is counted while writing, not by whatever reads. */
  readonly lines: ReadonlyMap<string, number>;
}

interface Twist {
  readonly at: Path;
  /** Another value at the path. */
  readonly value?: unknown;
  /** Another name of the key. */
  readonly key?: string;
  /** The key and its value are left out. */
  readonly isLeftOut?: boolean;
  /** The same entry follows once more. */
  readonly isTwice?: boolean;
}

const keyOf = (path: Path) => path.join('.');

/** Writes a document with a comment and one value a line, twisted at one place. */
export function write(document: unknown, twist: Twist | null = null): Written {
  const out = ['// A site with a bit of everything.'];
  const lines = new Map<string, number>();
  const emit = (text: string) => void out.push(text);
  const put = (value: unknown, path: Path, before: string, after: string): void => {
    lines.set(keyOf(path), out.length + 1);
    const isHere = twist !== null && keyOf(twist.at) === keyOf(path);
    const actual = isHere && 'value' in twist ? twist.value : value;
    if (typeof actual !== 'object' || actual === null) return emit(`${before}${JSON.stringify(actual)}${after}`);
    const isList = Array.isArray(actual);
    emit(`${before}${isList ? '[' : '{'}`);
    const entries = Object.entries(actual).flatMap(([key, member]) =>
      membersOf(key, member, [...path, isList ? Number(key) : key]),
    );
    for (const [i, { key, member, own }] of entries.entries())
      put(member, own, isList ? '' : `${JSON.stringify(key)}: `, i < entries.length - 1 ? ',' : '');
    emit(`${isList ? ']' : '}'}${after}`);
  };
  const membersOf = (key: string, member: unknown, own: Path) => {
    const isHere = twist !== null && keyOf(twist.at) === keyOf(own);
    if (!isHere) return [{ key, member, own }];
    if (twist.isLeftOut === true) return [];
    const entry = { key: twist.key ?? key, member, own };
    return twist.isTwice === true ? [entry, entry] : [entry];
  };
  put(document, [], '', '');
  return { text: `${out.join('\n')}\n`, lines };
}

function* leaves(value: unknown, path: Path = []): Generator<{ readonly path: Path; readonly value: unknown }> {
  if (typeof value !== 'object' || value === null) return yield { path, value };
  for (const [key, member] of Object.entries(value))
    yield* leaves(member, [...path, Array.isArray(value) ? Number(key) : key]);
}

const twisted = (what: string, twist: Twist, path: Path = twist.at, linePath: Path = path): BrokenSite => {
  const { text, lines } = write(richSite, twist);
  return {
    what: `${what}: ${keyOf(twist.at)}`,
    bytes: Buffer.from(text),
    line: lines.get(keyOf(linePath)) ?? null,
    path: keyOf(path),
  };
};

const needless = ['charge', 'passwordFile', 'frameLog', 'meterId', 'socket', 'pulseMs', 'feedback', 'power', 'storage'];
const optional = new Set([
  ...needless,
  ...['rules', 'tariffs', 'documents', 'maxDurationMin', 'maxEnergyWh', 'ballastMb', 'keepDays', 'node', 'priority'],
  ...[
    'turnMinutes',
    'nodes',
    'gridMeter',
    'inputs',
    'outputs',
    'meters',
    'parking',
    'io',
    'unit',
    'address',
    'limitMa',
  ],
]);

/** Every value in turn: of another type, left out, misspelt, told twice, out of its range, or naming what is not there. */
function* twistedSites(): Generator<BrokenSite> {
  for (const { path, value } of leaves(richSite)) {
    const key = path.at(-1);
    yield twisted('another type', { at: path, value: typeof value === 'number' ? 'text' : { a: 1 } });
    if (typeof value === 'number')
      yield twisted('out of range', { at: path, value: key === 'unit' || key === 'channel' ? 0 : -1 });
    if (typeof key !== 'string') continue;
    const typo = `${key}e`;
    yield twisted('misspelt', { at: path, key: typo }, [...path.slice(0, -1), typo], path);
    yield twisted('told twice', { at: path, isTwice: true });
    if (!optional.has(key)) yield twisted('left out', { at: path, isLeftOut: true }, path, path.slice(0, -1));
    if (key === 'lineId' && path[0] !== 'lines')
      yield twisted('a line that is not there', { at: path, value: 'nowhere' });
    if (key === 'profile') yield twisted('a model that is not there', { at: path, value: 'kebba-p30' });
    if (key === 'connectorId' && path[0] !== 'piles')
      yield twisted('a connector that is not there', { at: path, value: 'WEST-A1' });
  }
}

const lineWith = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

/** Syntax, each at a line that is known. */
function* brokenSyntax(): Generator<BrokenSite> {
  const { text } = write(richSite);
  const swap = (what: string, part: string, by: string, lineOf = part, later = 0): BrokenSite => {
    const broken = text.replace(part, () => by);
    return { what, bytes: Buffer.from(broken), line: lineWith(text, lineOf) + later, path: '(document)' };
  };
  yield swap('a comma is missing', '"dataDir": "data",', '"dataDir": "data"', '"dataDir"', 1);
  yield swap('two commas', '"dataDir": "data",', '"dataDir": "data",,', '"dataDir"');
  yield swap('a key without quotes', '"supplyLimitMa"', 'supplyLimitMa');
  yield swap('a key in single quotes', '"supplyLimitMa"', "'supplyLimitMa'");
  yield swap('a text in single quotes', '"EAST-B1"', "'EAST-B1'");
  yield swap('a text that does not end', '"10.0.0.12"', '"10.0.0.12');
  yield swap('no colon', '"shard": 7', '"shard" 7');
  yield swap('no value', '"shard": 7', '"shard":', '"shard"');
  yield swap('an equals sign', '"shard": 7', '"shard" = 7', '"shard"');
  yield swap('a number that is none', '"shard": 7', '"shard": 7x');
  yield swap('a hex number', '"shard": 7', '"shard": 0x7');
  yield swap('NaN', '"shard": 7', '"shard": NaN');
  yield swap('a bare word', '"shard": 7', '"shard": seven');
  yield swap('a control character', '"east-gate"', '"east\tgate"');
  yield swap('a bad escape', '"/dev/ttyS1"', '"\\dev\\ttyS1"');
  yield swap('a comment that does not end', '"rules": "rules.json",', '/* "rules": "rules.json",');
  const end = text.trimEnd().split('\n').length;
  yield { what: 'a brace is missing', bytes: Buffer.from(text.trimEnd().slice(0, -1)), line: end, path: '(document)' };
  yield { what: 'more after the end', bytes: Buffer.from(`${text}{}`), line: end + 1, path: '(document)' };
  yield {
    what: 'cut off',
    bytes: Buffer.from(text.slice(0, text.indexOf('"parking"'))),
    line: null,
    path: '(document)',
  };
}

/** What is no document of ours at all. */
function* strangeFiles(): Generator<BrokenSite> {
  const whole = (what: string, bytes: string | Uint8Array, line: number | null = null): BrokenSite => ({
    what,
    bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
    line,
    path: '(document)',
  });
  const { text } = write(richSite);
  yield whole('empty', '', 1);
  yield whole('blank', ' \n\n\t\n');
  yield whole('a comment alone', '// nothing\n');
  for (const other of ['null', 'true', '42', '"text"', '[]']) yield whole(`no object but ${other}`, other, 1);
  yield whole('a list around it', `[${text}]`, 1);
  yield whole('YAML', 'siteId: east-gate\ndataDir: data\n', 1);
  yield whole('XML', '<site id="east-gate"/>', 1);
  yield whole('UTF-16, little end first', Buffer.from(`\ufeff${text}`, 'utf16le'), 1);
  yield whole('UTF-16, big end first', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 1);
  const pathLine = lineWith(text, '/dev/ttyS2');
  const [before = '', after = ''] = text.split('/dev/ttyS2');
  // 东 in GBK, é in Latin-1, and the first two bytes of a character that has three.
  for (const bad of [[0xb6, 0xab], [0xe9], [0xe7, 0xab]])
    yield whole(
      `bytes ${bad.join(' ')}`,
      Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(after)]),
      pathLine,
    );
  yield whole('bytes of a program', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0x01, 0x00, 0xff]), 1);
  yield whole('huge', `${text}${' '.repeat(MAX_DOCUMENT_BYTES)}`);
  yield whole('nested without end', `{ "siteId": ${'['.repeat(100_000)}`, 1);
  yield whole('nested deeply, and whole', `{ "siteId": ${'['.repeat(90)}${']'.repeat(90)} }`, 1);
}

/** Made by a program out of {@link richSite}: each is wrong at one place. */
export const brokenSites = (): BrokenSite[] => [...twistedSites(), ...brokenSyntax(), ...strangeFiles()];
