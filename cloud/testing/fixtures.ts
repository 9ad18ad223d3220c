import type { FastifyInstance } from 'fastify';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { createPartnerClient, type PartnerClient } from './partner-client.ts';
import type { TestCloud } from './test-cloud.ts';

/** 1.2000 + 0.4000 per kWh by day (08:00 to 22:00), 0.3000 + 0.4000 by night. */
export const exampleTariff: Tariff = {
  tariffId: 'example',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [
    { name: 'night', startMinute: 0, electricityPriceE4: 3_000, servicePriceE4: 4_000 },
    { name: 'day', startMinute: 480, electricityPriceE4: 12_000, servicePriceE4: 4_000 },
    { name: 'late', startMinute: 1_320, electricityPriceE4: 3_000, servicePriceE4: 4_000 },
  ],
};

/** A call of staff; throws when it is refused. */
export async function staffPost(app: FastifyInstance, token: string, path: string, body: object) {
  const response = await app.inject({
    method: 'POST',
    url: path,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
  if (response.statusCode >= 300) throw new Error(`${path}: ${response.statusCode} ${response.body}`);
  return response.json();
}

export interface Stage {
  readonly siteId: string;
  readonly shard: number;
  readonly brokerPassword: string;
  readonly connectorIds: readonly string[];
  readonly partnerId: string;
  readonly key: { readonly key_id: string; readonly secret: string };
  readonly partner: PartnerClient;
}

export interface StageOptions {
  /** Distinguishes the names of one test from those of another. */
  readonly name: string;
  readonly environment?: 'sandbox' | 'live';
  readonly connectors?: number;
  /** Null: none. */
  readonly tariff?: Tariff | null;
}

/** A site with its connectors and tariff, and a partner with a key for everything. */
export async function setTheStage(
  cloud: Pick<TestCloud, 'app' | 'staffToken' | 'clock'>,
  options: StageOptions,
): Promise<Stage> {
  const { name, environment = 'sandbox', connectors = 1, tariff = exampleTariff } = options;
  const siteId = `site-${name}`;
  const connectorIds = Array.from({ length: connectors }, (_, index) => `${name}-c${index + 1}`);
  const post = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, path, body);
  const site = await post('/staff/v1/sites', {
    site_id: siteId,
    name: `Site ${name}`,
    environment,
    timezone: 'Asia/Shanghai',
    login: 'password',
    connectors: connectorIds.map((id) => ({
      connector_id: id,
      pile_id: `${id}-pile`,
      model: 'sim',
      max_power_w: 7_000,
    })),
  });
  if (tariff !== null) await post('/staff/v1/tariffs', { site_ids: [siteId], tariff });
  const partnerId = `partner-${name}`;
  await post('/staff/v1/partners', { partner_id: partnerId, name: `Partner ${name}` });
  const key = await post(`/staff/v1/partners/${partnerId}/keys`, {
    environment,
    scopes: ['read', 'control', 'orders'],
  });
  return {
    siteId,
    shard: site.shard,
    brokerPassword: site.broker_password,
    connectorIds,
    partnerId,
    key,
    partner: createPartnerClient(cloud.app, cloud.clock, key),
  };
}
