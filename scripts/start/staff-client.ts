import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PartnerKey } from './partner-client.ts';

/** Calls the staff API with the token that the cloud made at its first start. */
export class StaffClient {
  readonly #baseUrl: string;
  readonly #token: string;

  constructor(baseUrl: string, cloudDataDir: string) {
    this.#baseUrl = baseUrl;
    this.#token = readFileSync(join(cloudDataDir, 'keys', 'staff.token'), 'utf8').trim();
  }

  createSite(site: object): Promise<{ shard: number; claim_code: string }> {
    return this.call('POST', '/staff/v1/sites', site);
  }

  publishTariff(siteIds: readonly string[], tariff: object): Promise<unknown> {
    return this.call('POST', '/staff/v1/tariffs', { site_ids: siteIds, tariff });
  }

  /** Makes a partner and a sandbox key for it. The secret is shown this once. */
  async createPartner(partnerId: string, name: string): Promise<PartnerKey> {
    await this.call('POST', '/staff/v1/partners', { partner_id: partnerId, name });
    const key: { key_id: string; secret: string } = await this.call('POST', `/staff/v1/partners/${partnerId}/keys`, {
      environment: 'sandbox',
      scopes: ['read', 'control', 'orders'],
    });
    return { keyId: key.key_id, secret: key.secret };
  }

  async call<Reply>(method: string, path: string, body?: object): Promise<Reply> {
    const reply = await fetch(this.#baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`staff API: ${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? (undefined as Reply) : JSON.parse(text);
  }
}
