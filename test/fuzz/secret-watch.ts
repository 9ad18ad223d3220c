/** Answers that tell what is secret tell it under these names. */
const SECRET =
  /^(secret|token|invitation|totp_secret|broker_password|claim_code|recovery_codes|confirmation|password)$/;
/** What belongs to one partner alone. */
const OWN = /^(order|operation|reservation|endpoint|fault|transfer|event|replay)_id$/;
const LEAST_LENGTH = 12;
const TOKEN = /[\w+/=-]{12,}/g;

/** Knows every secret that was told, and which partner each id was told to, and looks for them where they must not be. */
export class SecretWatch {
  /** With who asked for what when it was told first. */
  readonly #secrets = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  /** A secret that no answer may tell. */
  keep(secret: string, toldFor = ''): void {
    if (secret.length >= LEAST_LENGTH && !this.#secrets.has(secret)) this.#secrets.set(secret, toldFor);
  }

  /**
   * What an answer tells that it must not: a secret that was told before, or an id of another partner's. What the request itself says may come
   * back, and whoever repeats a request with its `request_id` may hear the first answer again.
   *
   * @param partnerId who has asked; null: not a partner
   */
  complaints(partnerId: string | null, asked: string, told: string): string[] {
    const found = new Set<string>();
    const repeated = repeatable(partnerId, asked);
    for (const [text] of told.matchAll(TOKEN)) {
      const owner = partnerId === null ? undefined : this.#owners.get(text);
      const isForeign = owner !== undefined && owner !== partnerId;
      const toldFor = this.#secrets.get(text);
      if (!isForeign && (toldFor === undefined || (repeated !== '' && toldFor === repeated))) continue;
      if (!asked.includes(text)) found.add(isForeign ? 'tells what belongs to another partner' : 'tells a secret');
    }
    return [...found];
  }

  /** Whether an address names what belongs to another partner. */
  isForeign(partnerId: string | null, path: string): boolean {
    return [...path.matchAll(TOKEN)].some(([text]) => {
      const parts = text.split('/').map((part) => this.#owners.get(part));
      return partnerId !== null && parts.some((owner) => owner !== undefined && owner !== partnerId);
    });
  }

  /** Takes in what an answer has told, after it was looked at. */
  learn(
    partnerId: string | null,
    told: unknown,
    what: 'ids' | 'ids and secrets' = 'ids and secrets',
    asked = '',
  ): void {
    if (Array.isArray(told)) for (const item of told) this.learn(partnerId, item, what, asked);
    else if (typeof told === 'object' && told !== null)
      for (const [name, value] of Object.entries(told)) {
        if (what !== 'ids' && SECRET.test(name))
          for (const text of [value].flat())
            if (typeof text === 'string') this.keep(text, repeatable(partnerId, asked));
        if (partnerId !== null && OWN.test(name) && typeof value === 'string' && value.length >= LEAST_LENGTH)
          if (!this.#owners.has(value)) this.#owners.set(value, partnerId);
        this.learn(partnerId, value, what, asked);
      }
  }
}

/** What makes a request the same as another; empty: nothing does. */
const repeatable = (partnerId: string | null, asked: string): string =>
  partnerId !== null && asked.includes('"request_id"') ? `${partnerId} ${asked}` : '';
