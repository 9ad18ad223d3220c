import { describe, expect, test, vi } from 'vitest';
import { BACKLOG_SPREAD_MS, type BatchHead, retryAfterMs } from './lane.ts';
import { MAX_BYTES_IN_FLIGHT, type PumpEvent, type PumpState, pump, pumpAtRest } from './pump.ts';

/** A stream that has records up to `headSeq`, sent a hundred at a time. */
interface Store {
  headSeq: number;
  bytes?: number;
}

const BATCH = 100;

/** The machine with its stores, told of by what it sends. */
class Rig {
  state: PumpState;
  nowMonoMs = 0;
  fraction = 0.5;
  readonly stores: readonly Store[];
  readonly first: Store;
  readonly next = vi.fn((lane: number, afterSeq: number): BatchHead | null => {
    const { headSeq, bytes = 1000 } = this.stores[lane] ?? { headSeq: 0 };
    const throughSeq = Math.min(headSeq, afterSeq + BATCH);
    return throughSeq > afterSeq ? { throughSeq, bytes, hasMore: headSeq > throughSeq } : null;
  });

  constructor(stores: [Store, ...Store[]], paces: readonly (number | null)[] = stores.map(() => null)) {
    this.stores = stores;
    this.first = stores[0];
    this.state = pumpAtRest(paces, this.fraction);
  }

  /** @returns 'hello', or for each batch its lane, what it is behind and what it goes up to */
  step(event: PumpEvent): string[] {
    const before = this.state;
    const { state, actions } = pump(before, event, this);
    this.state = state;
    return actions.map((action) => (action.kind === 'hello' ? 'hello' : `${action.lane}:${action.head.throughSeq}`));
  }

  tick = (afterMs = 0): string[] => {
    this.nowMonoMs += afterMs;
    return this.step({ kind: 'tick' });
  };

  /** Connected and welcomed; the begin of a backlog is not spread. */
  open(batchesInFlight = 4, isTaken = this.stores.map(() => true)): string[] {
    this.fraction = 0;
    this.step({ kind: 'connected' });
    const sent = this.step({ kind: 'welcomed', batchesInFlight, isTaken });
    this.fraction = 0.5;
    return [...sent, ...this.tick()];
  }

  /** An acknowledgement, and what goes out then. */
  ack(ackedSeq: number, sendNo: number | null = this.sendNo(0), lane = 0): string[] {
    expect(this.step({ kind: 'acked', lane, sendNo, ackedSeq })).toEqual([]);
    return this.tick();
  }

  sendNo = (index: number, lane = 0): number => this.state.lanes[lane]?.flight[index]?.sendNo ?? -1;
  ackedSeq = (lane = 0): number | undefined => this.state.lanes[lane]?.ackedSeq;
}

describe('SY-05 the handshake', () => {
  test('a connection begins with hello, which is said again after 2 s, 4 s … 60 s until the welcome comes', () => {
    const rig = new Rig([{ headSeq: 5 }]);
    expect(rig.tick()).toEqual([]);
    expect(rig.step({ kind: 'connected' })).toEqual(['hello']);
    const saidAtMs: number[] = [];
    while (rig.nowMonoMs < 200_000) if (rig.tick(250).includes('hello')) saidAtMs.push(rig.nowMonoMs);
    expect(saidAtMs).toEqual([2000, 6000, 14_000, 30_000, 62_000, 122_000, 182_000]);
    expect(rig.next).not.toHaveBeenCalled();
    expect(rig.step({ kind: 'welcomed', batchesInFlight: 1, isTaken: [true] })).toEqual(['0:5']);
  });

  test('a welcome to nobody opens nothing, and neither does an acknowledgement', () => {
    const rig = new Rig([{ headSeq: 5 }]);
    expect(rig.step({ kind: 'welcomed', batchesInFlight: 1, isTaken: [true] })).toEqual([]);
    rig.step({ kind: 'connected' });
    expect(rig.ack(5, null)).toEqual([]);
    expect(rig.state.link).toBe('greeting');
  });

  test('a welcome in between sends nothing twice', () => {
    const rig = new Rig([{ headSeq: 5 }]);
    expect(rig.open(1)).toEqual(['0:5']);
    expect(rig.step({ kind: 'welcomed', batchesInFlight: 1, isTaken: [true] })).toEqual([]);
  });

  test('a lost connection forgets what was in flight, and numbers of one connection are not those of another, however chance falls', () => {
    const rig = new Rig([{ headSeq: 5 }]);
    rig.open();
    const former = rig.sendNo(0);
    expect(rig.step({ kind: 'disconnected' })).toEqual([]);
    expect(rig.tick(60_000)).toEqual([]);
    rig.fraction = 0;
    rig.step({ kind: 'connected' });
    expect(rig.step({ kind: 'welcomed', batchesInFlight: 4, isTaken: [true] })).toEqual(['0:5']);
    rig.ack(5, former);
    expect(rig.ackedSeq()).toBe(0);
    rig.ack(5);
    expect(rig.ackedSeq()).toBe(5);
  });
});

test('SY-01 numbers of one process are not those of another on the same store', () => {
  const first = [0, 0.3, 0.300_001, 0.999].map((fraction) => pumpAtRest([null], fraction).sendNo);
  const near = first.flatMap((one, index) => first.slice(index + 1).filter((other) => other - one < 1_000_000));
  expect([near, first.every(Number.isSafeInteger)]).toEqual([[], true]);
});

describe('SY-01 batches in flight', () => {
  test('as many as the cloud allows are on their way, and each answer lets the next go', () => {
    const rig = new Rig([{ headSeq: 1000 }]);
    expect(rig.open(3)).toEqual(['0:100', '0:200', '0:300']);
    expect(rig.tick()).toEqual([]);
    expect(rig.ack(100)).toEqual(['0:400']);
    expect(rig.ack(200)).toEqual(['0:500']);
  });

  test('a new record goes out at once, also behind one that is in flight', () => {
    const rig = new Rig([{ headSeq: 7 }]);
    expect(rig.open()).toEqual(['0:7']);
    rig.first.headSeq = 8;
    expect(rig.tick()).toEqual(['0:8']);
  });

  test('with an older cloud, which does not say what it answers, one is in flight at a time', () => {
    const rig = new Rig([{ headSeq: 250 }]);
    expect(rig.open(1)).toEqual(['0:100']);
    expect(rig.ack(99, null), 'an older acknowledgement is no answer').toEqual([]);
    expect(rig.ack(100, null)).toEqual(['0:200']);
    expect(rig.ack(900, null), 'what it has beyond was not sent here').toEqual(['0:250']);
    expect(rig.ackedSeq()).toBe(200);
  });

  test('a batch without an answer is sent again after some seconds, alone, and the window opens again with an answer', () => {
    const rig = new Rig([{ headSeq: 1000 }]);
    rig.open(3);
    expect(rig.tick(1499)).toEqual([]);
    expect(rig.tick(1)).toEqual(['0:100']);
    expect(rig.tick(3999)).toEqual([]);
    expect(rig.tick(1)).toEqual(['0:100']);
    expect(rig.ack(100)).toEqual(['0:200', '0:300', '0:400']);
  });

  test('progress is patience: what waits behind is not late while answers come', () => {
    const rig = new Rig([{ headSeq: 300 }]);
    rig.open(3);
    rig.nowMonoMs += 1500;
    expect(rig.ack(100)).toEqual([]);
    rig.nowMonoMs += 1500;
    expect(rig.ack(200)).toEqual([]);
    expect(rig.tick(1999)).toEqual([]);
    expect(rig.tick(1)).toEqual(['0:300']);
  });

  test('an answer to a batch behind one without an answer: back to the first, once, however many such answers come', () => {
    const rig = new Rig([{ headSeq: 1000 }]);
    rig.open(4);
    const [second, third, fourth] = [1, 2, 3].map((index) => rig.sendNo(index));
    expect(rig.ack(0, second)).toEqual(['0:100']);
    expect([rig.ack(0, third), rig.ack(0, fourth), rig.tick(1000)]).toEqual([[], [], []]);
    expect(rig.ack(100)).toEqual(['0:200', '0:300', '0:400', '0:500']);
  });

  test('a slow answer to what was given up counts, and one that comes twice changes nothing', () => {
    const rig = new Rig([{ headSeq: 50 }]);
    rig.open();
    const slow = rig.sendNo(0);
    rig.first.headSeq = 60;
    expect(rig.tick(0)).toEqual(['0:60']);
    rig.first.headSeq = 70;
    expect(rig.tick(2000)).toEqual(['0:70']);
    rig.ack(50, slow);
    expect(rig.ackedSeq()).toBe(50);
    rig.ack(50, slow);
    rig.ack(70);
    rig.ack(50, slow);
    expect([rig.ackedSeq(), rig.tick(60_000)]).toEqual([70, []]);
  });

  test('an answer to a part removes that part, and the rest is sent again', () => {
    const rig = new Rig([{ headSeq: 80 }]);
    rig.open();
    expect(rig.ack(30)).toEqual([]);
    expect(rig.ackedSeq()).toBe(30);
    expect(rig.tick(2000)).toEqual(['0:80']);
    expect(rig.next).toHaveBeenLastCalledWith(0, 30, expect.any(Number));
  });

  test('SY-03.b that the cloud has more than what it answers removes nothing that it has not compared', () => {
    const rig = new Rig([{ headSeq: 300 }]);
    rig.open(4);
    rig.ack(240);
    expect(rig.ackedSeq()).toBe(100);
    rig.ack(240);
    expect(rig.ackedSeq()).toBe(200);
  });

  test('what was in flight is gone from the store: nothing is sent, and nothing is waited for', () => {
    const rig = new Rig([{ headSeq: 20 }]);
    rig.open();
    rig.first.headSeq = 0;
    expect(rig.tick(2000)).toEqual([]);
    rig.first.headSeq = 30;
    expect(rig.tick()).toEqual(['0:30']);
    expect(rig.tick(2000)).toEqual(['0:30']);
  });
});

describe('SY-02 the order of streams', () => {
  test('what is behind waits while the first has something to send', () => {
    const rig = new Rig([{ headSeq: 150 }, { headSeq: 500 }]);
    expect(rig.open(1)).toEqual(['0:100']);
    rig.fraction = 0;
    expect(rig.ack(100)).toEqual(['0:150']);
    expect(rig.ack(150)).toEqual(['1:100']);
    rig.first.headSeq = 151;
    expect(rig.tick()).toEqual(['0:151']);
    expect(rig.ack(100, rig.sendNo(0, 1), 1)).toEqual([]);
    expect(rig.ack(151)).toEqual(['1:200']);
  });

  test('a stream that the cloud does not take is not read', () => {
    const rig = new Rig([{ headSeq: 10 }, { headSeq: 10 }]);
    expect(rig.open(4, [true, false])).toEqual(['0:10']);
    expect(rig.next).not.toHaveBeenCalledWith(1, expect.anything(), expect.anything());
  });

  test('SY-08 a stream with a pace keeps to it, over the whole of a backlog', () => {
    const rig = new Rig([{ headSeq: 0 }, { headSeq: 2000, bytes: 5000 }], [null, 1000]);
    rig.open();
    let batches = 1;
    for (let ms = 0; ms < 60_000; ms += 250) {
      rig.ack(2000, rig.sendNo(0, 1), 1);
      batches += rig.tick(250).length;
    }
    expect(batches).toBe(13);
  });

  test('a backlog does not pile up in front of what is live: so many bytes are on their way, and the first batch in any case', () => {
    const big = { headSeq: 1000, bytes: MAX_BYTES_IN_FLIGHT };
    expect(new Rig([big]).open()).toEqual(['0:100']);
    expect(new Rig([{ ...big, bytes: MAX_BYTES_IN_FLIGHT - 1 }]).open()).toEqual(['0:100', '0:200']);
    const both = new Rig([{ headSeq: 0 }, big]);
    expect(both.open()).toEqual(['1:100']);
    both.first.headSeq = 200;
    expect(both.tick(), 'samples do not keep events waiting').toEqual(['0:100']);
  });
});

describe('SY-02 sites that come back together', () => {
  const reopened = (headSeq: number, fraction: number) => {
    const rig = new Rig([{ headSeq }]);
    rig.fraction = fraction;
    rig.step({ kind: 'connected' });
    const sent = rig.step({ kind: 'welcomed', batchesInFlight: 4, isTaken: [true] });
    return { rig, sent };
  };

  test.each([0, 0.3, 0.999])('begin with one batch each, and go on within 10 s, at a moment of their own: %s', (at) => {
    const { rig, sent } = reopened(1000, at);
    expect(sent[0]).toBe('0:100');
    if (at > 0) expect(sent).toHaveLength(1);
    rig.ack(100);
    let wentOnMs = 0;
    while (rig.ackedSeq() === 100 && rig.state.lanes[0]?.flight.length === 0) {
      wentOnMs = rig.nowMonoMs + 1;
      rig.tick(1);
    }
    expect(wentOnMs).toBe(at === 0 ? 0 : Math.ceil(BACKLOG_SPREAD_MS * at));
  });

  test('a site without a backlog waits for nothing', () => {
    const { rig, sent } = reopened(100, 0.999);
    expect(sent).toEqual(['0:100']);
    rig.first.headSeq = 101;
    expect(rig.tick()).toEqual(['0:101']);
  });

  test('ask again at moments of their own: 2 s, 4 s, 8 s … 60 s, a quarter more or less', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 50];
    expect(waits.map((n) => retryAfterMs(n, 0.5))).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect([retryAfterMs(0, 0), retryAfterMs(0, 0.999), retryAfterMs(9, 0)]).toEqual([1500, 2499, 45_000]);
  });
});

test('ED-09 no batch is read while none can go out', () => {
  const rig = new Rig([{ headSeq: 1000 }, { headSeq: 1000 }]);
  rig.tick();
  rig.step({ kind: 'connected' });
  rig.tick();
  expect(rig.next).not.toHaveBeenCalled();
  rig.open(2);
  rig.next.mockClear();
  rig.tick();
  rig.ack(0, rig.sendNo(0));
  expect(rig.next).not.toHaveBeenCalled();
});

test('SY-01 a cloud that answers nothing costs little and loses nothing', () => {
  const rig = new Rig([{ headSeq: 1000 }]);
  rig.open(4);
  const sentAtMs: number[] = [];
  while (rig.nowMonoMs < 200_000) {
    const sent = rig.tick(250);
    if (sent.length > 0) sentAtMs.push(rig.nowMonoMs);
    expect(sent.filter((one) => one !== '0:100')).toEqual([]);
  }
  expect(sentAtMs).toEqual([1500, 5500, 13_500, 29_500, 61_500, 121_500, 181_500]);
  expect(rig.ackedSeq()).toBe(0);
});
