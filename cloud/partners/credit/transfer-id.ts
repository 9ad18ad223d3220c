import { PilegateError } from '#shared/errors.ts';
import { isUniqueViolation } from '../../db/transaction.ts';

/**
 * Books under an id that the caller has made. One that names another movement, of whichever account, is refused also when both come at once.
 *
 * @throws PilegateError `resource.exists`
 */
export async function underTransferId<Booked>(transferId: string, book: () => Promise<Booked>): Promise<Booked> {
  try {
    return await book();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new PilegateError('resource.exists', `movement ${transferId} is another one`, { cause: error });
  }
}
