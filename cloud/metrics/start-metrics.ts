import type { CloudContext } from '../context.ts';
import { listenForScrapes, type MetricsListener } from './listen.ts';
import { type ProcessParts, processGauges } from './process-gauges.ts';
import { readFigures } from './read-figures.ts';
import { figureGauges } from './show-figures.ts';

/** Less than a scraper waits: of a database that is away the rest is told all the same. */
const FIGURES_WITHIN_MS = 3_000;

type MetricsContext = Pick<CloudContext, 'db' | 'clock' | 'timers' | 'logger' | 'metrics'>;

/**
 * Opens the door for scrapes.
 *
 * @param isWorker whether this process tells what the database knows of the whole cloud; one of each would say the same
 */
export async function startMetrics(
  context: MetricsContext,
  at: { readonly host: string; readonly port: number },
  isWorker: boolean,
  parts: ProcessParts,
): Promise<MetricsListener> {
  const { db, clock, timers, logger, metrics } = context;
  const { refresh, close } = processGauges(metrics.registry, parts);
  const show = isWorker ? figureGauges(metrics.registry) : null;
  const figures = async () => {
    const late = Promise.withResolvers<null>();
    const cancel = timers.after(FIGURES_WITHIN_MS, () => late.resolve(null));
    const read = readFigures(db, clock.wallMs()).catch((error: unknown) => {
      logger.warn({ err: error }, 'the figures of the database are not told');
      return null;
    });
    const told = await Promise.race([read, late.promise]);
    cancel();
    return told;
  };
  const listener = await listenForScrapes(
    metrics.registry,
    async () => {
      await refresh();
      if (show !== null) show(await figures());
    },
    at,
    logger,
  );
  return {
    url: listener.url,
    async close() {
      await listener.close();
      close();
    },
  };
}
