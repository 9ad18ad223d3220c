import type { Box } from './box.ts';
import type { SimBroker } from './broker.ts';
import type { Dice } from './dice.ts';
import { goodDisk, usualDisk } from './edge-disk.ts';
import { type DatabaseWeather, goodWeather, usualWeather } from './fragile-database.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import { goodWay, usualWay, type Way, type Wire } from './wire.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface TroubleParts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly broker: SimBroker;
  readonly boxes: readonly Box[];
  readonly cloudWire: Wire;
  readonly weather: DatabaseWeather;
  readonly cloudNames: readonly string[];
  readonly killCloud: (awayMs: number) => void;
}

interface Trouble {
  readonly name: string;
  /** On average, between one and the next. */
  readonly everyMs: number;
  /** How long it lasts on average; 0: it is over at once. */
  readonly lastsMs: number;
  /** @returns what ends it */
  readonly begin: (lastsMs: number) => () => void;
}

/** Everything that goes wrong, each kind at its own pace, until it is told to rest. */
export class Troubles {
  readonly #parts: TroubleParts;
  readonly #running = new Set<() => void>();
  #isResting = false;

  constructor(parts: TroubleParts) {
    this.#parts = parts;
    this.goOn();
    for (const trouble of this.#ofAll()) this.#repeat(trouble);
    for (const box of parts.boxes) for (const trouble of this.#ofBox(box)) this.#repeat(trouble);
  }

  /** Nothing goes wrong for a while: what is going on ends, and nothing begins. */
  rest(): void {
    this.#isResting = true;
    for (const end of [...this.#running]) end();
    this.#clearUp();
  }

  goOn(): void {
    this.#isResting = false;
    this.#clearUp();
  }

  /** As it is when nothing in particular is wrong; while everything rests, nothing at all is. */
  #clearUp(): void {
    const { weather, boxes, cloudWire } = this.#parts;
    Object.assign(weather, this.#fairWeather());
    for (const wire of [cloudWire, ...boxes.map((box) => box.wire)]) this.#mend(wire);
    for (const box of boxes) this.#mendDisk(box);
  }

  #mendDisk(box: Box): void {
    Object.assign(box.disk.weather, this.#isResting ? goodDisk() : usualDisk());
  }

  #fairWeather = (): DatabaseWeather => (this.#isResting ? goodWeather() : usualWeather());

  #mend(wire: Wire): void {
    for (const way of [wire.up, wire.down])
      Object.assign(way, { ...(this.#isResting ? goodWay() : usualWay()), isOpen: way.isOpen });
  }

  /** Something is said to a site, or a pile is told to deliver: the best moment to break something. */
  provoke(box: Box): void {
    const { dice, broker, killCloud } = this.#parts;
    // What is kept for it comes to nobody once the connection is broken.
    if (this.#isHeld(box)) return;
    this.#provoke(0.06, [
      () => this.#losesAll(box),
      () => this.#losesAll(box),
      () => box.kill(),
      () => box.cutPower(dice.span(dice.pick([5000, 120_000])), false),
      () => killCloud(dice.span(10_000)),
      () => broker.breakOff(box.siteId),
      () => this.#crashBroker(dice.span(5000)),
    ]);
  }

  /** A start, or a reserve, goes down: it may wait in the broker with whatever follows it, and come when its time is over. */
  provokeStart(box: Box, expiresAtMs: number, probability: number): void {
    const { dice, trace } = this.#parts;
    if (this.#isResting || this.#isHeld(box) || !dice.chance(probability)) return;
    box.wire.down.heldUntilMs = expiresAtMs + dice.between(0, MINUTE_MS);
    trace.note('broker', `keeps what is for ${box.siteId} until ${new Date(box.wire.down.heldUntilMs).toISOString()}`);
  }

  /** A connector is held from now on: the cloud does not hear of it in time, or its box loses the time. */
  provokeHold(box: Box): void {
    const { dice } = this.#parts;
    const { siteId } = box;
    this.#provoke(0.25, [
      () => this.#begin({ name: `${siteId} unheard`, lastsMs: MINUTE_MS, begin: () => this.#partition(box) }),
      () => this.#begin({ name: `${siteId} wrong clock`, lastsMs: 4 * MINUTE_MS, begin: () => this.#wrongClock(box) }),
      () => box.clock.jump(dice.pick([-1, 1]) * dice.span(HOUR_MS)),
      () => box.kill(),
      () => box.cutPower(dice.span(MINUTE_MS), dice.chance(0.5)),
    ]);
  }

  /** A reservation is given back: its site does not hear of it for so long that it may have run out there. */
  provokeCancel(box: Box): void {
    // Said again to a site that is cut off already.
    if (!box.wire.down.isOpen) return;
    const begin = () => this.#partition(box);
    this.#provoke(0.4, [() => this.#begin({ name: `${box.siteId} deaf`, lastsMs: 15 * MINUTE_MS, begin })], 0);
  }

  #isHeld({ wire }: Box): boolean {
    return wire.down.heldUntilMs > this.#parts.scheduler.nowMs;
  }

  /** A batch comes to the cloud, which is about to apply it, commit, and answer. */
  provokeBatch(box: Box): void {
    const { dice, killCloud, weather } = this.#parts;
    const next = (end: 'fails-before' | 'fails-after') => () => {
      weather.next = end;
    };
    if (dice.chance(0.1)) return this.#provoke(1, [next('fails-before'), next('fails-after')], 0);
    this.#provoke(0.06, [() => killCloud(dice.span(10_000)), () => this.#losesAll(box)], 40);
  }

  #provoke(probability: number, whats: readonly (() => void)[], withinMs = 400): void {
    const { dice, scheduler } = this.#parts;
    if (this.#isResting || !dice.chance(probability)) return;
    const what = dice.pick(whats);
    const inMs = dice.pick([0, dice.between(0, withinMs)]);
    if (inMs === 0) return what();
    scheduler.after(inMs, () => this.#isResting || what());
  }

  /** For a moment nothing comes down to a site: an acknowledgement is lost, or a command. */
  #losesAll(box: Box): void {
    const { scheduler, dice } = this.#parts;
    box.wire.down.lossP = 1;
    scheduler.after(dice.between(50, 1500), () => {
      box.wire.down.lossP = 0;
    });
  }

  #repeat(trouble: Trouble): void {
    const { scheduler, dice } = this.#parts;
    scheduler.after(dice.span(trouble.everyMs), () => {
      if (!this.#isResting) this.#begin(trouble);
      this.#repeat(trouble);
    });
  }

  #begin({ name, lastsMs, begin }: Omit<Trouble, 'everyMs'>): void {
    const { scheduler, dice, trace } = this.#parts;
    const ms = lastsMs === 0 ? 0 : dice.span(lastsMs);
    trace.note('trouble', `${name} for ${ms} ms`);
    const undo = begin(ms);
    const end = () => {
      if (this.#running.delete(end)) undo();
    };
    this.#running.add(end);
    scheduler.after(ms, end);
  }

  #crashBroker(awayMs: number): void {
    const { broker, trace, scheduler } = this.#parts;
    trace.note('broker', 'crashes');
    broker.crash();
    scheduler.after(awayMs, () => broker.start());
  }

  #ofAll(): Trouble[] {
    const { broker, cloudNames, killCloud, weather, cloudWire, boxes, dice } = this.#parts;
    return [
      {
        name: 'broker crash',
        everyMs: 5 * HOUR_MS,
        lastsMs: 0,
        begin: () => this.#now(() => this.#crashBroker(dice.span(20_000))),
      },
      {
        name: 'cloud crash',
        everyMs: 2 * HOUR_MS,
        lastsMs: 0,
        begin: () => this.#now(() => killCloud(dice.span(30_000))),
      },
      {
        name: 'reset',
        everyMs: HOUR_MS,
        lastsMs: 0,
        begin: () => this.#now(() => broker.breakOff(dice.pick(boxes).siteId)),
      },
      {
        name: 'reset of the cloud',
        everyMs: 4 * HOUR_MS,
        lastsMs: 0,
        begin: () => this.#now(() => broker.breakOff(dice.pick(cloudNames))),
      },
      {
        name: 'database',
        everyMs: 2 * HOUR_MS,
        lastsMs: 3 * MINUTE_MS,
        begin: () => {
          Object.assign(weather, {
            failBeforeP: dice.fraction() * 0.2,
            failAfterP: dice.fraction() * 0.2,
            slowP: 0.3,
            slowMs: 2000,
          });
          return () => Object.assign(weather, this.#fairWeather());
        },
      },
      { name: 'cloud wire', everyMs: 4 * HOUR_MS, lastsMs: 2 * MINUTE_MS, begin: () => this.#badWire(cloudWire) },
    ];
  }

  #ofBox(box: Box): Trouble[] {
    const { dice } = this.#parts;
    const { wire, siteId } = box;
    const pile = () => dice.pick([...box.piles.values()]);
    return [
      { name: `${siteId} wire`, everyMs: 2 * HOUR_MS, lastsMs: 8 * MINUTE_MS, begin: () => this.#badWire(wire) },
      { name: `${siteId} partition`, everyMs: 3 * HOUR_MS, lastsMs: 4 * MINUTE_MS, begin: () => this.#partition(box) },
      { name: `${siteId} offline`, everyMs: 20 * HOUR_MS, lastsMs: 3 * HOUR_MS, begin: () => this.#partition(box) },
      { name: `${siteId} kill`, everyMs: 4 * HOUR_MS, lastsMs: 0, begin: () => this.#now(() => box.kill()) },
      {
        name: `${siteId} power cut`,
        everyMs: 8 * HOUR_MS,
        lastsMs: 0,
        begin: () => this.#now(() => box.cutPower(dice.span(4 * MINUTE_MS), dice.chance(0.3))),
      },
      {
        name: `${siteId} disk`,
        everyMs: 5 * HOUR_MS,
        lastsMs: 5 * MINUTE_MS,
        begin: () => this.#badDisk(box),
      },
      {
        name: `${siteId} wrong clock offline`,
        everyMs: 2 * HOUR_MS,
        lastsMs: 8 * MINUTE_MS,
        begin: () => this.#wrongClock(box),
      },
      {
        name: `${siteId} clock`,
        everyMs: 6 * HOUR_MS,
        lastsMs: 0,
        begin: () =>
          this.#now(() => box.clock.jump(dice.pick([-1, 1]) * dice.span(dice.pick([5000, HOUR_MS, 400 * HOUR_MS])))),
      },
      {
        name: `${siteId} deaf pile`,
        everyMs: 6 * HOUR_MS,
        lastsMs: 30_000,
        begin: () => {
          const one = pile();
          one.isDeaf = true;
          box.stir(one.connectorId);
          return () => {
            one.isDeaf = false;
          };
        },
      },
      {
        name: `${siteId} faulty pile`,
        everyMs: 12 * HOUR_MS,
        lastsMs: 3 * MINUTE_MS,
        begin: () => {
          const one = pile();
          one.breakDown();
          box.stir(one.connectorId);
          return () => {
            one.isFaulty = false;
          };
        },
      },
    ];
  }

  #now(action: () => void): () => void {
    action();
    return () => {};
  }

  #badDisk(box: Box): () => void {
    const { dice } = this.#parts;
    const some = (most: number) => (dice.chance(0.5) ? dice.fraction() * most : 0);
    Object.assign(box.disk.weather, {
      fullP: some(0.3),
      failBeforeP: some(0.3),
      failAfterP: some(0.3),
      cannotOpenP: some(0.5),
      cutP: some(0.05),
    });
    box.stir();
    return () => this.#mendDisk(box);
  }

  #wrongClock(box: Box): () => void {
    const { dice } = this.#parts;
    box.clock.jump(dice.pick([-1, 1, 1]) * dice.span(5 * HOUR_MS));
    box.kill();
    return this.#partition(box);
  }

  #badWire(wire: Wire): () => void {
    const { dice } = this.#parts;
    const spoil = (way: Way) =>
      Object.assign(way, {
        lossP: dice.chance(0.5) ? dice.fraction() * 0.4 : 0,
        doubleP: dice.chance(0.5) ? dice.fraction() * 0.4 : 0,
        strayP: dice.chance(0.5) ? dice.fraction() * 0.4 : 0,
        mostMs: dice.pick([100, 1000, 12_000]),
      });
    spoil(wire.up);
    spoil(wire.down);
    return () => this.#mend(wire);
  }

  /** Both ways, or only one. */
  #partition(box: Box): () => void {
    const { wire } = box;
    const ways = this.#parts.dice.pick([[wire.up, wire.down], [wire.up, wire.down], [wire.up], [wire.down]]);
    for (const way of ways) way.isOpen = false;
    return () => {
      for (const way of ways) way.isOpen = true;
      box.stir();
    };
  }
}
