import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import { type ClaimAnswer, type ClaimRequest, claimAnswerSchema } from '#shared/wire/credentials.ts';

/** What became of a claim. `refused`: for good, and the code says why; `later`: nobody has answered. */
export type ClaimOutcome =
  | { readonly kind: 'granted'; readonly answer: ClaimAnswer }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'later'; readonly reason: string };

export type RedeemClaim = (claim: ClaimRequest) => Promise<ClaimOutcome>;

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 65_536;
const problemSchema = z.object({ code: z.string(), detail: z.string() });
/** Refused now, and perhaps not later. */
const PASSING = ['claim.too_many', 'platform.unavailable', 'platform.internal'];

/**
 * Exchanges a claim over HTTP.
 *
 * @param baseUrl of the cloud; https, but on loopback
 * @param authority PEM of the authority that the cloud's certificate is from; null: those that the system trusts
 */
export const redeemOverHttp =
  (baseUrl: string, authority: string | null): RedeemClaim =>
  async (claim) => {
    try {
      const url = new URL('/site/v1/claims', baseUrl);
      const { status, text } = await post(url, authority, JSON.stringify(claim));
      const body: unknown = JSON.parse(text);
      if (status === 200) return { kind: 'granted', answer: claimAnswerSchema.parse(body) };
      const { code, detail } = problemSchema.parse(body);
      if (PASSING.includes(code)) return { kind: 'later', reason: `${code}: ${detail}` };
      return { kind: 'refused', code, detail };
    } catch (error) {
      return { kind: 'later', reason: error instanceof Error ? error.message : String(error) };
    }
  };

function post(url: URL, authority: string | null, body: string): Promise<{ status: number; text: string }> {
  const isSecure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(isSecure && authority !== null ? { ca: authority } : {}),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.length > MOST_BYTES) request.destroy(new Error('the answer is too long'));
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
