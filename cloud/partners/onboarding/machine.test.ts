import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ApplicationEvent, type ApplicationState, afterEvent, allowedIn } from './machine.ts';

const events: readonly ApplicationEvent[] = ['revise', 'submit', 'withdraw', 'approve', 'reject', 'ask'];
const follow = (path: readonly ApplicationEvent[]): ApplicationState =>
  path.reduce<ApplicationState>((state, event) => afterEvent(state, event) ?? state, 'draft');

test('OP-02 handed in, rejected, corrected, handed in again, approved', () => {
  expect(follow(['revise', 'submit'])).toBe('submitted');
  expect(follow(['submit', 'reject'])).toBe('rejected');
  expect(follow(['submit', 'reject', 'revise', 'submit', 'approve'])).toBe('approved');
  expect(follow(['submit', 'ask', 'revise', 'submit', 'reject'])).toBe('rejected');
  expect(follow(['submit', 'withdraw'])).toBe('withdrawn');
});

test('OP-02 nothing is approved that was not handed in since it was last changed', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 20 }), (path) => {
      let state: ApplicationState = 'draft';
      let changedSinceSubmit = true;
      for (const event of path) {
        const next = afterEvent(state, event);
        if (next === null) continue;
        if (event === 'revise') changedSinceSubmit = true;
        if (event === 'submit') changedSinceSubmit = false;
        if (next === 'approved') expect(changedSinceSubmit).toBe(false);
        state = next;
      }
    }),
  );
});

test('OP-02 what staff decide holds only for what is with them, and what is decided stays', () => {
  for (const decision of ['approve', 'reject', 'ask'] as const)
    for (const state of ['draft', 'needs_more', 'rejected', 'approved', 'withdrawn'] as const)
      expect(afterEvent(state, decision)).toBeNull();
  expect(afterEvent('submitted', 'revise')).toBeNull();
  expect(allowedIn('approved')).toEqual([]);
  expect(allowedIn('withdrawn')).toEqual([]);
  expect(allowedIn('rejected')).toEqual(['revise', 'submit', 'withdraw']);
});
