//! Fine-tuning: parameter groups, schedule, loop, evaluation, run record.
