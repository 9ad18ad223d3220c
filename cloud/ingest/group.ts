interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts together what comes while something is under way: at rest nothing waits, and the more there is to do the more is
 * done at once. What fails together is tried one by one, so that a failure is that of the one at fault.
 *
 * @param limit how many are put together at most
 * @param run has an answer for each item, in their order
 */
export function createGroup<Item, Answer>(
  limit: number,
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  let isRunning = false;

  async function settle(group: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await run(group.map(({ item }) => item));
      if (answers.length !== group.length) throw new RangeError(`${answers.length} answers to ${group.length}`);
      for (const [i, answer] of answers.entries()) group[i]?.resolve(answer);
    } catch (error) {
      if (group.length > 1) for (const one of group) await settle([one]);
      else group[0]?.reject(error);
    }
  }
  async function runAll(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (waiting.length > 0) await settle(waiting.splice(0, limit));
    isRunning = false;
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      void runAll();
    });
}
