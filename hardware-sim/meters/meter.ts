import type { StateEffects } from '../faults/state-effects.ts';
import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { RawDevice } from '../line/raw-device.ts';
import type { RegisterImage } from '../line/register-image.ts';
import type { SlaveDevice } from '../line/slave.ts';
import { chintDtsu666 } from './chint-dtsu666.ts';
import { dlt645Meter } from './dlt645/dlt645-meter.ts';
import { eastronSdm630 } from './eastron-sdm630.ts';
import { createMeterCore, type MeterCore } from './meter-core.ts';
import type { MeterSettings } from './meter-settings.ts';
import type { Supply } from './supply.ts';

/** What physically came through one meter, beside what it shows. Energies in Wh. */
export interface MeterTruth {
  readonly meterId: string;
  readonly model: MeterSettings['model'];
  readonly measures: string;
  /** Since the process started. */
  readonly energyTruthWh: number;
  readonly registerWhTruth: number;
  readonly reportedRegisterWh: number;
  readonly powerW: number;
  readonly currentA: readonly [number, number, number];
}

/** An external meter: exactly one of `modbus` and `raw`, by what its model speaks. */
export interface Meter {
  readonly meterId: string;
  readonly lineId: string;
  readonly modbus: { readonly unit: number; readonly device: SlaveDevice } | undefined;
  readonly raw: RawDevice | undefined;
  advance(): void;
  truth(): MeterTruth;
}

/** Builds a meter in the supply of a pile or of a node of the network. `effects` is asked for the faults that hold at that moment. */
export function createMeter(settings: MeterSettings, supply: () => Supply, effects: () => StateEffects): Meter {
  const core = createMeterCore(settings, supply, effects);
  return {
    meterId: settings.meterId,
    lineId: settings.lineId,
    ...speech(settings, core),
    advance: core.advance,
    truth: () => {
      const { importWh, powerW, currentsA } = core.read();
      return {
        meterId: settings.meterId,
        model: settings.model,
        measures: settings.measures,
        energyTruthWh: core.flowedWh(),
        registerWhTruth: settings.initialRegisterWh + core.flowedWh(),
        reportedRegisterWh: importWh,
        powerW,
        currentA: currentsA,
      };
    },
  };
}

function speech(settings: MeterSettings, core: MeterCore): Pick<Meter, 'modbus' | 'raw'> {
  switch (settings.model) {
    case 'dlt645-2007':
      return { modbus: undefined, raw: { deviceId: settings.meterId, hear: dlt645Meter(settings, core) } };
    case 'eastron-sdm630':
      return { modbus: modbus(settings.unit, eastronSdm630(core, settings.serialNumber)), raw: undefined };
    case 'chint-dtsu666':
      return { modbus: modbus(settings.unit, chintDtsu666(core)), raw: undefined };
  }
}

function modbus(unit: number, image: RegisterImage): Meter['modbus'] {
  const device: SlaveDevice = {
    execute: (request, how) =>
      how.exceptionCode === undefined
        ? answerPdu(request, image, !how.ignoreWrites)
        : { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' },
  };
  return { unit, device };
}
