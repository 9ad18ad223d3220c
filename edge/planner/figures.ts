/** "16.0 A" */
export const amperes = (ma: number): string => `${(ma / 1000).toFixed(1)} A`;

/** "1.67 s" */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
