import { request } from 'undici';
import { PilegateError } from '#shared/errors.ts';

const ANSWER_WITHIN_MS = 5_000;
const AGAIN_AFTER_S = 5;
const TEXT_LIMIT = 200;

export interface RigFault {
  readonly kind: string;
  readonly pileId: string;
  readonly connectorId: string;
  readonly durationS: number;
}

/** The bench behind a sandbox site. Its address is in the configuration of the cloud, and nowhere else. */
export interface RigClient {
  /** @throws PilegateError `sandbox.fault_refused`, `platform.unavailable` */
  begin(faultId: string, fault: RigFault): Promise<void>;
  /** @throws PilegateError `platform.unavailable` */
  end(faultId: string): Promise<void>;
}

export function createRigClient(url: string): RigClient {
  const call = async (method: 'PUT' | 'DELETE', faultId: string, body?: object): Promise<void> => {
    const answer = await request(new URL(`/faults/${faultId}`, url), {
      method,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    }).catch((cause: unknown) => {
      throw new PilegateError('platform.unavailable', 'the simulated site does not answer', {
        cause,
        retryAfterS: AGAIN_AFTER_S,
      });
    });
    const text = (await answer.body.text()).slice(0, TEXT_LIMIT);
    if (answer.statusCode === 409) throw new PilegateError('sandbox.fault_refused', text);
    if (answer.statusCode >= 300) throw new Error(`the bench answers ${answer.statusCode} ${text}`);
  };
  return {
    begin: (faultId, { kind, pileId, connectorId, durationS }) =>
      call('PUT', faultId, { kind, pile_id: pileId, connector_id: connectorId, duration_s: durationS }),
    end: (faultId) => call('DELETE', faultId),
  };
}
