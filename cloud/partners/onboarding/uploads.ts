import type { ServerResponse } from 'node:http';
import { PilegateError } from '#shared/errors.ts';

/** Files on their way to one process, each of which it holds in memory until it is whole: 5 MiB at most. */
export const MOST_UPLOADS = 32;
export const MOST_UPLOADS_OF_ONE = 4;
const RETRY_S = 10;

export interface Uploads {
  /**
   * Takes a place until the answer is out, or whoever sends is gone.
   *
   * @param from who sends, as limits by address name callers
   * @throws PilegateError `request.too_many`, `application.no_room`
   */
  begin(from: string, answer: ServerResponse): void;
}

/** The places for files of one process. */
export function createUploads(): Uploads {
  const underWay = new Map<ServerResponse, string>();
  return {
    begin(from, answer) {
      const own = [...underWay.values()].filter((one) => one === from).length;
      const wait = { retryAfterS: RETRY_S };
      if (own >= MOST_UPLOADS_OF_ONE)
        throw new PilegateError('request.too_many', `${own} files are on their way`, wait);
      if (underWay.size >= MOST_UPLOADS)
        throw new PilegateError('application.no_room', 'too many files are on their way', wait);
      underWay.set(answer, from);
      for (const end of ['finish', 'close']) answer.once(end, () => underWay.delete(answer));
    },
  };
}
