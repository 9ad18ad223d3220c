/** The cloud is asked for a word after so long a silence, and again after so long. */
export const ASK_AFTER_MS = 10_000;
const ASK_AGAIN_MS = 5_000;
/** A broker that lives proves nothing: after so long a silence the cloud is not there. */
export const AWAY_AFTER_MS = 30_000;

/** When the cloud itself was heard last. Pure: moments come as arguments. */
export interface CloudWatch {
  /** Older clouds do not answer when they are asked: nothing follows from their silence. */
  readonly answers: boolean;
  readonly heardMonoMs: number;
  readonly askedMonoMs: number;
}

export const unheardOf: CloudWatch = { answers: false, heardMonoMs: 0, askedMonoMs: 0 };

export const welcomedBy = (answers: boolean, nowMonoMs: number): CloudWatch => ({
  answers,
  heardMonoMs: nowMonoMs,
  askedMonoMs: nowMonoMs,
});

export const heard = (watch: CloudWatch, nowMonoMs: number): CloudWatch => ({ ...watch, heardMonoMs: nowMonoMs });

export const asked = (watch: CloudWatch, nowMonoMs: number): CloudWatch => ({ ...watch, askedMonoMs: nowMonoMs });

/** Whether the next live view asks for a word. */
export const isToBeAsked = ({ answers, heardMonoMs, askedMonoMs }: CloudWatch, nowMonoMs: number): boolean =>
  answers && nowMonoMs - heardMonoMs >= ASK_AFTER_MS && nowMonoMs - askedMonoMs >= ASK_AGAIN_MS;

export const isAway = ({ answers, heardMonoMs }: CloudWatch, nowMonoMs: number): boolean =>
  answers && nowMonoMs - heardMonoMs >= AWAY_AFTER_MS;
