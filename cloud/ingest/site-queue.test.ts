import { expect, test } from 'vitest';
import { createSiteQueue } from './site-queue.ts';

function gate() {
  let open: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), closed };
}

test('SY-01 messages of one site stay in order, and a slow site does not hold up another', async () => {
  const queue = createSiteQueue(100);
  const done: string[] = [];
  const slow = gate();
  await queue.push('a', () => slow.closed.then(() => void done.push('a1')));
  await queue.push('a', () => Promise.resolve(void done.push('a2')));
  await queue.push('b', () => Promise.resolve(void done.push('b1')));
  await expect.poll(() => done).toEqual(['b1']);
  slow.open();
  await queue.idle();
  expect(done).toEqual(['b1', 'a1', 'a2']);
});

test('XC-12 a full queue holds the link back until there is room', async () => {
  const queue = createSiteQueue(2);
  const first = gate();
  const second = gate();
  let taken = false;
  await queue.push('a', () => first.closed);
  const held = queue
    .push('b', () => second.closed)
    .then(() => {
      taken = true;
    });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(taken).toBe(false);
  first.open();
  await held;
  second.open();
  await queue.idle();
});

test('XC-12 what one site says beyond its share is left out, and neither holds the link back nor its own next word', async () => {
  const left: string[] = [];
  const done: string[] = [];
  const queue = createSiteQueue(4, 2, (site) => left.push(site));
  const slow = gate();
  for (let n = 0; n < 10; n += 1) await queue.push('a', () => slow.closed.then(() => void done.push(`a${n}`)));
  await queue.push('b', () => Promise.resolve(void done.push('b')));
  expect(left).toHaveLength(8);
  await expect.poll(() => done).toEqual(['b']);
  slow.open();
  await queue.idle();
  await queue.push('a', () => Promise.resolve(void done.push('again')));
  await queue.idle();
  expect(done).toEqual(['b', 'a0', 'a1', 'again']);
});
