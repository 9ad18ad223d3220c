import type { Db } from '../db/connect.ts';

/** The same database, where something happens before the transaction of that number. */
export function beforeTransaction(db: Db, number: number, act: () => Promise<void>): Db {
  let begun = 0;
  return new Proxy(db, {
    get(target, key) {
      if (key !== 'transaction') {
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return () => ({
        async execute(work: never) {
          begun += 1;
          if (begun === number) await act();
          return target.transaction().execute(work);
        },
      });
    },
  });
}
