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
use crate::table_checks::path;
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

    /// What part the sources had in a run that is at its end, printed, if there were any.
    pub(crate) fn source_report<B: BertOps>(
        &self,
        examples: &Examples,
        tuned: &FineTuned<Autodiff<B>>,
    ) -> Option<SourceReport> {
        let sources = examples.sources.as_ref()?;
        let names: Vec<_> = self.tables.sources.iter().map(path).collect();
        let train = (&examples.train, self.config.training.sampling);
        let report = SourceReport::new(&names, sources, train, tuned.weights.as_deref());
        report.print();
        Some(report)
    }

    /// Whether the sources helped, printed, by a training of the target alone; and how the run ends with
    /// that, which is finished whatever comes of it.
    pub(crate) fn source_check<B: BertOps>(
        &self,
        examples: &Examples,
        tuned: &FineTuned<Autodiff<B>>,
        best: &Evaluation,
        target_only: TargetOnly<B>,
    ) -> (Option<CheckReport>, End) {
        let Some(sources) = &examples.sources else { return (None, End::Finished) };
        let alone = match self.train_target_only(examples, sources, target_only) {
            Ok(Some(alone)) => alone,
            Ok(None) => {
                tell_unchecked("stopped");
                return (None, End::Unchecked);
            }
            Err(error) => {
                tell_unchecked(&format!("training on the target alone failed: {error:#}"));
                return (None, End::Finished);
            }
        };
        let (metric, targets) = (tuned.history.metric(), examples.validation.targets());
        let how = (metric, &self.config.training);
        let check = CheckReport::new(how, targets, best, &alone);
        match &check {
            Some(check) => check.print(),
            None => {
                let undefined = "is undefined on the validation rows for one of the two models";
                tell_unchecked(&format!("{metric} {undefined}; name another --metric"));
            }
        }
        (check, End::Finished)
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
        Ok(best.filter(|_| learned.finished))
    }
}

/// Says that a run is finished, but not whether its sources helped.
fn tell_unchecked(why: &str) {
    errln!(
        "{why}. The run itself is finished and its model is whole, but the comparison is missing, so \
         that whether the sources helped is not known"
    );
}
