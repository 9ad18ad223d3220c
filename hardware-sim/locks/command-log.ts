import type { ExecutedCommand } from './lock-device.ts';

const KEPT_COMMANDS = 50;

/** The commands that one device has heard, newest last. */
export interface CommandLog {
  add(command: ExecutedCommand): void;
  list(): readonly ExecutedCommand[];
}

/** An empty log of at most 50 commands. */
export function createCommandLog(): CommandLog {
  const commands: ExecutedCommand[] = [];
  return {
    add: (command) => {
      commands.push(command);
      if (commands.length > KEPT_COMMANDS) commands.shift();
    },
    list: () => [...commands],
  };
}
