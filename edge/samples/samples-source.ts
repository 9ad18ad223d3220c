import type { StreamSource } from '../link/stream-source.ts';
import type { SamplesRecorder } from './recorder.ts';

/** Bytes a second on the wire unless the site's file says otherwise: some twenty times what twenty piles need while the link is up. */
export const SAMPLES_BYTES_PER_S = 2000;

/**
 * The stream of samples, with numbers and epoch of its own store. While that does not work there is nothing to send, and it keeps the name
 * that it had, so that nothing begins anew for its sake.
 *
 * @param bytesPerS the most that samples may take of the link
 */
export function samplesOf(
  recorder: Pick<SamplesRecorder, 'stream' | 'recordsAfter' | 'acknowledge' | 'hearCursor'>,
  bytesPerS: number,
): StreamSource {
  let known = { storeEpoch: '', headSeq: 0, ackedSeq: 0 };
  const stream = () => {
    known = { ...(recorder.stream() ?? known) };
    return known;
  };
  return {
    stream: 'samples',
    get storeEpoch() {
      return stream().storeEpoch;
    },
    bytesPerS,
    nextBatch(afterSeq, limits) {
      const records = recorder.recordsAfter(Math.max(afterSeq, stream().ackedSeq), limits);
      const last = records?.at(-1);
      return records === null || last === undefined ? null : { records, throughSeq: last.seq };
    },
    headSeq: () => stream().headSeq,
    ackedSeq: () => stream().ackedSeq,
    acknowledge: ({ storeEpoch, ackedSeq }) => recorder.acknowledge(storeEpoch, ackedSeq),
    hearCursor: (storeEpoch, ackedSeq) => recorder.hearCursor(storeEpoch, ackedSeq),
  };
}
