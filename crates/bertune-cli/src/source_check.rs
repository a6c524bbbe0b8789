use std::time::{Duration, Instant};

use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::head::BertForSequenceClassification;
use bertune::train::{
    Evaluation, Event, FineTuned, Run, Sources, StopSignal, TrainingData, fine_tune, target_only,
};

use crate::learning::End;
use crate::progress::Progress;
use crate::source_files::SourceCheck;
use crate::source_report::{CheckReport, SourceReport};
use crate::tables::path;
use crate::training::{Examples, Training};

/// What a comparison with the target alone needs, kept from before the run.
pub(crate) struct TargetOnly<B: BertOps> {
    pretrained: BertForSequenceClassification<Autodiff<B>>,
    stop: StopSignal,
    end: Option<Instant>,
}

impl Training {
    /// Prepares the comparison, if there are sources and it is asked for.
    pub(crate) fn target_only<B: BertOps>(
        &self,
        pretrained: &BertForSequenceClassification<Autodiff<B>>,
        stop: &StopSignal,
        max_time: Option<Duration>,
    ) -> Option<TargetOnly<B>> {
        let source = &self.config.source;
        let is_asked = !source.files.is_empty() && source.check == SourceCheck::TargetOnly;
        is_asked.then(|| TargetOnly {
            pretrained: pretrained.clone(),
            stop: stop.clone(),
            end: max_time.and_then(|time| Instant::now().checked_add(time)),
        })
    }

    /// What the sources were to a run that is at its end, printed, if there were any; and how it ends
    /// with the comparison.
    pub(crate) fn source_report<B: BertOps>(
        &self,
        examples: &Examples,
        tuned: &FineTuned<Autodiff<B>>,
        best: Option<&Evaluation>,
        target_only: Option<TargetOnly<B>>,
    ) -> anyhow::Result<(Option<SourceReport>, End)> {
        let Some(sources) = &examples.sources else { return Ok((None, End::Finished)) };
        let names: Vec<_> = self.tables.sources.iter().map(path).collect();
        let mut report = SourceReport::new(&names, sources, tuned.weights.as_deref());
        report.print();
        let alone = target_only
            .map(|check| self.train_target_only(examples, sources, check))
            .transpose()?;
        let end = match alone {
            Some(None) => End::Unchecked,
            _ => End::Finished,
        };
        if let (Some(best), Some(Some(alone))) = (best, alone) {
            let (metric, targets) = (tuned.history.metric(), examples.validation.targets());
            report.check = CheckReport::new(metric, targets, best, &alone);
        }
        if let Some(check) = &report.check {
            check.print();
        }
        Ok((Some(report), end))
    }

    /// How the best model of a run without the sources does on the validation rows; `None` if it
    /// was stopped.
    fn train_target_only<B: BertOps>(
        &self,
        examples: &Examples,
        sources: &Sources,
        TargetOnly { pretrained, stop, end }: TargetOnly<B>,
    ) -> anyhow::Result<Option<Evaluation>> {
        if !self.quiet {
            errln!("\nTraining on the target alone, to see whether the sources help");
        }
        let target: Vec<usize> = (0..sources.target_examples()).collect();
        let train = examples.train.select(&target);
        let config = target_only(&self.config.training, &examples.train, sources);
        let data = TrainingData { train: &train, sources: None, ..self.data(examples) };
        let mut progress = Progress::new(&config, self.quiet);
        let mut best = None;
        let run = Run::default()
            .telling(|event| match event {
                // Its scores are told once, beside those with sources.
                Event::Evaluated(_) => {}
                event => progress.tell(event),
            })
            .keeping(|_, _, evaluation| {
                best = Some(evaluation.clone());
                Ok(())
            })
            .until(stop)
            .within(end.map(|end| end.saturating_duration_since(Instant::now())));
        let learned = fine_tune(pretrained, data, &config, run)?;
        progress.end();
        if !learned.finished {
            errln!(
                "stopped: the run itself is finished and its model is whole, but the comparison is \
                 missing, so that whether the sources helped is not known"
            );
            return Ok(None);
        }
        Ok(best)
    }
}
