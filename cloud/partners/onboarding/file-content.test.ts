import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { examplePdf, examplePng } from '../../testing/applicant.ts';
import { contentOf } from './file-content.ts';

test('OP-01 a file is what its bytes are', () => {
  expect(contentOf(examplePdf)).toBe('pdf');
  expect(contentOf(examplePng)).toBe('png');
  expect(contentOf(Buffer.from('ffd8ffe000104a464946', 'hex'))).toBe('jpeg');
});

const refused: readonly [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['an archive', Buffer.from('504b030414000000', 'hex')],
  ['something compressed', gzipSync(examplePdf)],
  ['a page', Buffer.from('<html><script>alert(1)</script></html>')],
  ['a drawing with scripts', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['a program', Buffer.from('7f454c46', 'hex')],
  ['a page that ends as a PDF does', Buffer.from('<html></html>%%EOF')],
  ['an archive with a PDF behind it', Buffer.concat([Buffer.from('504b0304', 'hex'), examplePdf])],
  ['a PDF that is cut off', examplePdf.subarray(0, 20)],
  ['the first bytes of a PNG', examplePng.subarray(0, 8)],
];
test.each(refused)('OP-01 %s is not taken', (_name, bytes) => {
  expect(contentOf(bytes)).toBeNull();
});
