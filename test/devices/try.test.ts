import { test } from 'vitest';
import { everyCase, pileSite } from './pile-cases.ts';
import { faultIn } from '../../edge/control/reading.ts';

test.each(everyCase.map((c) => [c.name, c] as const))('%s', async (_, one) => {
  const site = pileSite(one);
  const log = (what: string, x: unknown) => console.log(one.name, what, JSON.stringify(x));
  const { driver, time } = site;
  const say = async (what: string) => {
    try { log(what, await site.during(driver.read())); } catch (e) { log(what, String(e)); }
    const t = site.truth(); log('  truth', [t.pileState, t.currentA, t.powerW, t.registerWhTruth, t.reportedRegisterWh, t.temperatureC, t.effectiveLimitA, t.watchdog]);
  };
  await say('first');
  try { await site.during(driver.setUp()); } catch (e) { log('setUp', String(e)); }
  await say('unplugged');
  site.vehicle({ plugged: true });
  await time.pass(3000);
  await say('plugged');
  try { await site.during(driver.command('start', 16_000)); } catch (e) { log('start', String(e)); }
  await time.pass(8000);
  await say('charging');
  for (const f of ['emergency-stop','pile-error'] as const) {
    const clear = site.fault({ kind: f } as never);
    await time.pass(2000);
    await say(f);
    clear();
    await time.pass(8000);
  }
});
