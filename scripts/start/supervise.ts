import type { Station } from './station.ts';
import type { Story } from './story.ts';

/** A process that ends this often is not to be helped by starting it again. */
const MOST_RESTARTS = 10;

/**
 * Starts edge and cloud again when one of them dies, as systemd does on a site: that is how a power cut is tried out.
 * Rejects when a process cannot be helped, or when the simulated station itself is gone.
 *
 * @param isOver tells that everything is being ended on purpose
 */
export async function supervise(station: Station, story: Story, isOver: () => boolean): Promise<never> {
  for (let restarts = 0; ; restarts += 1) {
    const watched = [station.cloud, station.edge, station.simulator];
    const { name, how } = await Promise.race(
      watched.map(async (child) => ({ name: child.name, how: await child.ended })),
    );
    if (isOver()) return new Promise<never>(() => {});
    const what = `${name} ended (${how}); see ${station.folder}/logs/${name}.log`;
    if (name === 'hardware-sim' || restarts >= MOST_RESTARTS) throw new Error(what);
    story.say(`  ${what}. It is started again.`);
    await (name === 'edge' ? station.restartEdge() : station.restartCloud());
  }
}
