import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PartnerClient } from '../../scripts/start/partner-client.ts';
import { type Station, type StationOptions, startStation } from '../../scripts/start/station.ts';
import { Story } from '../../scripts/start/story.ts';
import { WebhookReceiver } from '../../scripts/start/webhook-receiver.ts';

/** A whole station in processes of its own, with a partner who listens. */
export interface Rig {
  readonly station: Station;
  readonly receiver: WebhookReceiver;
  readonly client: PartnerClient;
  readonly story: Story;
  /** Every line of a process's log, parsed. */
  log(name: 'edge' | 'cloud' | 'hardware-sim'): Record<string, unknown>[];
  stop(): Promise<void>;
}

export async function startRig(
  cloudEnv: Readonly<Record<string, string>> = {},
  options: Pick<StationOptions, 'authorityFile' | 'hasRig'> & { readonly alsoWebhooksTo?: readonly string[] } = {},
): Promise<Rig> {
  const { alsoWebhooksTo = [], ...ofStation } = options;
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-e2e-'));
  const receiver = await WebhookReceiver.listen();
  const station = await startStation({
    ...ofStation,
    folder,
    httpPort: 0,
    mqttPort: 0,
    webhookHostPort: [receiver.hostPort, ...alsoWebhooksTo].join(','),
    cloudEnv: { PILEGATE_WEBHOOK_RETRY_S: '1,1,2,5', ...cloudEnv },
  });
  return {
    station,
    receiver,
    client: new PartnerClient(station.cloud.ready.httpUrl, station.key),
    story: new Story(process.stderr),
    log: (name) =>
      readFileSync(join(folder, 'logs', `${name}.log`), 'utf8')
        .split('\n')
        // The last one may still be on its way.
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line): Record<string, unknown> => JSON.parse(line)),
    async stop() {
      await station.stop();
      await receiver.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
