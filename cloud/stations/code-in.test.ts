import { expect, test } from 'vitest';
import { codeIn } from './code-in.ts';

const own = { publicUrl: 'https://charge.example/api', operatorId: '395815801' };

test('OP-10 a code is found in what was scanned: itself, our address, or the form that platforms share', () => {
  for (const content of [
    'EAST-A1',
    ' EAST-A1\n',
    'https://charge.example/api/q/EAST-A1',
    'https://charge.example/api/q/EAST-A1/?from=app',
    'HTTPS://CHARGE.EXAMPLE/api/q/EAST-A1',
    'hlht://EAST-A1.395815801/',
    'hlht://EAST-A1.395815801/0011aa',
    'hlht://EAST-A1.395815801',
  ])
    expect([content, codeIn(content, own)]).toEqual([content, 'EAST-A1']);
});

test('OP-10 what names another operator, or nobody, is not taken for ours', () => {
  for (const content of [
    '',
    'EAST A1',
    '../EAST-A1',
    'https://other.example/api/q/EAST-A1',
    'https://charge.example/q/EAST-A1',
    'https://charge.example/api/q/EAST-A1/more',
    'https://charge.example/api/EAST-A1',
    'https://charge.example.other.example/api/q/EAST-A1',
    'hlht://EAST-A1.328096210/',
    'hlht://EAST-A1/395815801',
    'hlht://.395815801/',
    `hlht://${'1'.repeat(60)}.395815801/`,
    'javascript:EAST-A1',
  ])
    expect([content, codeIn(content, own)]).toEqual([content, null]);
  const nothing = { publicUrl: null, operatorId: null };
  expect(codeIn('https://charge.example/api/q/EAST-A1', nothing)).toBeNull();
  expect(codeIn('hlht://EAST-A1.395815801/', nothing)).toBeNull();
  expect(codeIn('EAST-A1', nothing)).toBe('EAST-A1');
});
