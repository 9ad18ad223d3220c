import { parseArgs } from 'node:util';

/**
 * Breaks edge and cloud on purpose for as long as one likes: `npm run torture -- kills 500 --seed 7`. What it did goes to standard
 * error, and one JSON object to standard output. A round that fails names the seed that begins with its plan.
 */
const USAGE = `npm run torture -- kills <n> [--seed S] [--stands N]
npm run torture -- power-cuts <n> [--seed S]
npm run torture -- sync [--minutes M] [--seed S]
npm run torture -- api [--minutes M] [--seed S]
`;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const DEFAULT_STANDS = 4;
const DEFAULT_MINUTES = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    stands: { type: 'string', default: String(DEFAULT_STANDS) },
    minutes: { type: 'string', default: String(DEFAULT_MINUTES) },
  },
});
const [what, count] = positionals;
const n = Number(count ?? 1);
const seed = Number(values.seed);
const stands = Number(values.stands);
const minutes = Number(values.minutes);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function run(): Promise<number> {
  if (![n, seed, stands].every(Number.isInteger) || n < 1 || stands < 1 || !(minutes > 0)) return usage();
  if ((what !== 'sync' && what !== 'api') !== (count !== undefined)) return usage();
  switch (what) {
    case 'kills': {
      const { killEdges } = await import('./kills.ts');
      const report = await killEdges({ kills: n, seed, stands, onRound: say });
      for (const failure of report.failures) say(`seed ${failure.seed} failed: ${JSON.stringify(failure)}`);
      process.stdout.write(`${JSON.stringify({ ...report, failures: report.failures.length })}\n`);
      return report.failures.length === 0 ? 0 : EXIT_FAILED;
    }
    case 'power-cuts': {
      const { cutPower } = await import('./power-cuts.ts');
      const report = cutPower({ images: n, seed });
      for (const failure of report.failures) say(failure);
      process.stdout.write(`${JSON.stringify({ ...report, failures: report.failures.length })}\n`);
      return report.failures.length === 0 ? 0 : EXIT_FAILED;
    }
    case 'sync': {
      const { tortureSync } = await import('./sync/sync.ts');
      const report = await tortureSync({ seed, minutes, onEvent: say });
      for (const complaint of report.complaints) say(complaint);
      process.stdout.write(`${JSON.stringify({ ...report, complaints: report.complaints.length })}\n`);
      return report.complaints.length === 0 ? 0 : EXIT_FAILED;
    }
    case 'api': {
      const { tortureApi } = await import('./api/api.ts');
      const report = await tortureApi({ seed, minutes, onEvent: say });
      for (const complaint of report.complaints) say(complaint);
      process.stdout.write(`${JSON.stringify({ ...report, complaints: report.complaints.length })}\n`);
      return report.complaints.length === 0 ? 0 : EXIT_FAILED;
    }
    default:
      return usage();
  }
}

function usage(): number {
  process.stderr.write(USAGE);
  return EXIT_USAGE;
}

// Stands end with the process, however that is ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT_FAILED));
process.exit(await run());
