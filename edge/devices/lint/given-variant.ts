import { holds } from '../profile/condition.ts';
import type { Vector } from '../profile/device-shape.ts';
import type { ModbusProfile } from './finding.ts';

/** The variant that a device has which tells these values at set-up; undefined when none of them holds. */
export const variantFor = (
  profile: ModbusProfile,
  given: Vector['given'],
): ModbusProfile['variants'][number] | undefined =>
  profile.variants.find(({ when }) => when.every((one) => holds(one, given?.[one.point] ?? null)));
