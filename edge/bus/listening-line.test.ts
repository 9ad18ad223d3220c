import { expect, test } from 'vitest';
import { ListeningLine } from './listening-line.ts';
import { bytesOf, hexOf, ManualTime, MemoryStream } from './testing.ts';

function listener() {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const heard: string[] = [];
  const line = new ListeningLine({
    stream,
    clock: time,
    timers: time,
    onOpened: () => heard.push('opened'),
    onBytes: (bytes) => heard.push(hexOf(bytes)),
    onLost: (reason) => heard.push(`lost: ${reason}`),
  });
  return { time, stream, heard, line };
}

test('ED-04 a line that is listened to is opened by itself, and nothing is ever said on it', async () => {
  const { time, stream, heard, line } = listener();
  line.start();
  await time.pass(0);
  stream.receive(bytesOf('02 33'));
  expect(heard).toEqual(['opened', '0233']);
  expect(stream.written).toEqual([]);
  expect(line.isOpen).toBe(true);
  await line.close();
  expect([line.isOpen, time.waiting]).toEqual([false, 0]);
});

test('ED-04 a reader that is pulled is heard again when it is back, and its loss is told once', async () => {
  const { time, stream, heard, line } = listener();
  line.start();
  await time.pass(0);
  stream.refusesToOpen = true;
  stream.lose();
  await time.pass(10_500);
  expect(heard).toEqual(['opened', 'lost: unplugged']);
  stream.refusesToOpen = false;
  await time.pass(1000);
  stream.receive(bytesOf('41'));
  expect(heard.slice(2)).toEqual(['opened', '41']);
  expect(line.opened).toBe(2);
});

test('ED-04 a line that is closed while it is away is not opened again', async () => {
  const { time, stream, line } = listener();
  stream.refusesToOpen = true;
  line.start();
  await time.pass(0);
  await line.close();
  stream.refusesToOpen = false;
  await time.pass(5000);
  expect([stream.opened, line.isOpen]).toEqual([0, false]);
});

test('ED-04 a line that is closed while it is being opened is not opened again either', async () => {
  const { time, stream, line, heard } = listener();
  stream.refusesToOpen = true;
  line.start();
  await line.close();
  await time.pass(5000);
  expect([stream.openings, time.waiting, heard]).toEqual([1, 0, []]);
});
