import { expect, test } from 'vitest';
import { readControllerId } from './controller-id.ts';

const files = (there: Record<string, string>) => (path: string) => {
  const text = there[path];
  if (text === undefined) throw Object.assign(new Error('not there'), { code: 'ENOENT' });
  return text;
};
const board = '/sys/firmware/devicetree/base/serial-number';

test('ED-22 a box is known by its board before its installation, and two boxes are two', () => {
  const first = readControllerId(files({ [board]: '1000000012345678\0', '/etc/machine-id': 'aa\n' }));
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(readControllerId(files({ [board]: '1000000012345678\0', '/etc/machine-id': 'bb\n' }))).toBe(first);
  expect(readControllerId(files({ [board]: '1000000012345679\0' }))).not.toBe(first);
  expect(readControllerId(files({ '/etc/machine-id': 'aa\n' }))).not.toBe(first);
});

test('ED-22 a box without a name has none', () => {
  expect(readControllerId(files({ '/etc/machine-id': '\n' }))).toBeNull();
  expect(readControllerId(files({}))).toBeNull();
});

test('what else goes wrong is not taken for a missing name', () => {
  const broken = () => {
    throw Object.assign(new Error('broken'), { code: 'EIO' });
  };
  expect(() => readControllerId(broken)).toThrow('broken');
});
