import { adam, adamW } from "@/gpu/optim/adam.ts";
import { lars } from "@/gpu/optim/lars.ts";
import { lossScale } from "@/gpu/optim/loss_scale.ts";
import type { Optimizer, OptimizerOptions } from "@/gpu/optim/optimizer.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { OptimizerSpec, ScheduleSpec } from "@/lib/specs/optimizer.ts";
import { learningRate } from "./schedule.ts";

/** Appends the optimiser that a spec names. */
export function optimizer(tape: Tape, spec: OptimizerSpec, given: OptimizerOptions): Optimizer {
  const { weight_decay: weightDecay, clip_norm } = spec;
  const options = { ...given, clip: clip_norm ?? undefined };
  switch (spec.name) {
    case "sgd":
      return sgd(tape, { ...options, weightDecay, momentum: spec.momentum });
    case "lars":
      return lars(tape, { ...options, weightDecay, momentum: spec.momentum });
    case "adam":
      return adam(tape, { ...options, weightDecay, betas: spec.betas });
    case "adamw":
      return adamW(tape, { ...options, weightDecay, betas: spec.betas });
  }
}

/**
 * Appends the backward steps, the optimiser that a spec names, and records of both; over feature maps in
 * f16 the loss is scaled.
 */
export function appendOptimizer(
  tape: Tape,
  spec: OptimizerSpec,
  options: OptimizerOptions,
): Optimizer {
  const scaled = tape.precision === "f16" ? lossScale(tape) : undefined;
  tape.backward(options.loss, scaled);
  const appended = optimizer(tape, spec, { ...options, lossScale: scaled });
  tape.record("gradient_norm", appended.control, 2);
  if (scaled) {
    tape.record("skipped", appended.control, 3);
    tape.record("loss_scale", scaled.scale);
  }
  return appended;
}

/**
 * What `appendOptimizer` recorded in a run: figures of an update are those of a whole step, and a gradient too long
 * for f16 has no length that could be told.
 * @param updates whether the run was to update the weights
 */
export function updateMetrics(
  values: Record<string, number>,
  updates = true,
): Record<string, number> {
  const { gradient_norm, skipped, ...rest } = values;
  if (!updates) return rest;
  if (skipped === undefined) return { ...rest, gradient_norm };
  return { ...rest, skipped, ...(skipped === 0 && { gradient_norm }) };
}

/** The learning rate at `step` of `steps`; `perEpoch` turns the warm-up into steps. */
export function rateAt(
  spec: OptimizerSpec,
  schedule: ScheduleSpec,
  { step, steps, perEpoch }: { step: number; steps: number; perEpoch: number },
): number {
  const warmup = Math.round(schedule.warmup_epochs * perEpoch);
  return learningRate(
    { base: spec.learning_rate, kind: schedule.kind, warmup, total: steps },
    step,
  );
}
