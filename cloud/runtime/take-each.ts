/**
 * Does the work of one round, one item after the other. One that fails keeps none behind it from its turn, in this round or the next.
 *
 * @throws why it failed, after all have had their turn
 */
export async function takeEach<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} of ${items.length} failed`);
}
