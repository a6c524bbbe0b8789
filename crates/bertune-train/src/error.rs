use std::path::PathBuf;

use bertune_checkpoint::CheckpointError;
use bertune_head::ProblemType;
use bertune_metrics::MetricName;
use bertune_tokenize::TokenizeError;

/// Why fine-tuning did not begin, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is out of its range.
    #[error("training setting {key} is {value}, but must be {range}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
    /// A setting of the weights of sources is out of its range.
    #[error("the setting source_weights.{key} is {value}, but must be {range}")]
    SourceSetting {
        /// The setting, and its flag, if it has one.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
    /// There is nothing to learn from or to measure on.
    #[error("there are no {split} examples")]
    Empty {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// The labels do not fit the model.
    #[error(
        "the labels of the {split} examples do not fit: the model has {outputs} outputs, and each \
         example of both splits must have labels of one kind for them, with a name for each"
    )]
    Targets {
        /// `training` or `validation`.
        split: &'static str,
        /// The outputs of the model's classifier.
        outputs: usize,
    },
    /// A text has more tokens than the model has positions.
    #[error(
        "an example has {tokens} tokens, but the model has {positions} positions: \
         set max_length to {positions} or less"
    )]
    TooLong {
        /// Tokens of the longest example.
        tokens: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// The tokenizer makes ids that the model has no embedding for.
    #[error(
        "the tokenizer gave the id {id}, but the model has only {vocab_size} embeddings: \
         the tokenizer and the model do not belong together"
    )]
    Vocabulary {
        /// The id.
        id: u32,
        /// The model's embeddings.
        vocab_size: usize,
    },
    /// The loss or the gradient became infinite or not a number.
    #[error(
        "step {step}: the {what} is {value}; the model was not updated with it. \
         Examples of this batch: {examples:?}. A lower learning rate often helps"
    )]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// NaN or an infinity.
        value: f64,
        /// The numbers of the batch's examples, from 0 in the order of the training set.
        examples: Vec<usize>,
    },
    /// The model gives the validation examples what is not a number.
    #[error(
        "step {step}: the validation loss is {value}; the model of this step is not kept. A lower \
         learning rate often helps"
    )]
    ValidationNotFinite {
        /// The steps taken.
        step: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// A pattern of a configuration selects nothing.
    #[error("the pattern '{pattern}' selects no parameter: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// More layers are to be frozen than there are.
    #[error(
        "freeze_layers is {asked}, but the model has {layers} layer{}",
        if *layers == 1 { "" } else { "s" }
    )]
    FreezeLayers {
        /// The number asked for.
        asked: usize,
        /// The number there is.
        layers: usize,
    },
    /// No linear map is to have a low-rank change.
    #[error("lora.targets is empty; name linear maps, such as 'query' and 'value'")]
    NoLoraTargets,
    /// A target of LoRA is no regular expression, or matches no linear map.
    #[error("the target '{pattern}' of lora: {problem}")]
    LoraTarget {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
    /// A low-rank change would not be of low rank.
    #[error(
        "lora.rank is {rank}, but {map} is a matrix of {} by {}; a rank is at most the smaller",
        shape[0], shape[1]
    )]
    LoraRank {
        /// The rank.
        rank: usize,
        /// The name of the linear map.
        map: String,
        /// Its shape.
        shape: [usize; 2],
    },
    /// LoRA is asked for where it is not.
    #[error("lora is for fine-tuning; in pretraining all parameters learn")]
    LoraInPretraining,
    /// Every parameter is frozen.
    #[error("every parameter is frozen: nothing is left to learn")]
    NothingLearns,
    /// All weights are zero.
    #[error("no training example counts: the weights of all rows, or of all their classes, are 0")]
    NothingCounts,
    /// A column says that nothing of a source is to be learned.
    #[error(
        "every row of source {number} has the weight 0, so nothing of it \
         would be learned; leave it out, or look at its column of weights"
    )]
    SourceCountsNothing {
        /// Which source, from 1.
        number: usize,
    },
    /// A setting has no meaning for this kind of labels.
    #[error("the training setting {key} has no meaning for {}", in_words(*problem_type))]
    SettingOfOtherProblem {
        /// The setting.
        key: &'static str,
        /// The kind of labels.
        problem_type: ProblemType,
    },
    /// A setting has no meaning without labels.
    #[error("the training setting {key} has no meaning in pretraining, where there are no labels")]
    SettingOfLabels {
        /// The setting.
        key: &'static str,
    },
    /// A setting has no meaning where there are several tasks.
    #[error("the training setting {key} does not go with several tasks: {why}")]
    SettingOfOneTask {
        /// The setting.
        key: &'static str,
        /// Why, or what to say in its place.
        why: &'static str,
    },
    /// Tasks are to be drawn by a temperature that would turn large into small.
    #[error("the sampling's temperature is {value}, but must be at least 1")]
    TaskTemperature {
        /// The temperature.
        value: f64,
    },
    /// Something is wrong with one of several tasks.
    #[error("task '{task}': {source}")]
    InTask {
        /// The task's name.
        task: String,
        /// What is wrong.
        source: Box<TrainError>,
    },
    /// The best model is to be best in something that this kind of labels does not have.
    #[error("there is no metric {metric} in {}", in_words(*problem_type))]
    MetricOfOtherProblem {
        /// The metric.
        metric: MetricName,
        /// The kind of labels.
        problem_type: ProblemType,
    },
    /// A class has a weight, but does not exist.
    #[error("class_weights names '{class}', but the classes are '{classes}'")]
    UnknownClass {
        /// The name.
        class: String,
        /// The names there are.
        classes: String,
    },
    /// A parameter that should learn has no gradient, or one that should not has one.
    #[error(
        "self-check before the first step: the gradient of {name} is {found}, but should be \
         {expected}. This is a fault of the model or of bertune, unless the targets are huge or \
         cancel each other out, as 1e20 and -1e20 do: then scale them"
    )]
    SelfCheck {
        /// The parameter.
        name: String,
        /// What its gradient is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The loss of examples that count is the same whatever the parameters are.
    #[error(
        "self-check before the first step: the loss of the first {examples} examples has no \
         gradient, so nothing would be learned. Look at the settings that make it so small, such as \
         focal_gamma, and at the targets"
    )]
    NoGradient {
        /// How many examples were looked at.
        examples: usize,
    },
    /// A saved state cannot be used.
    #[error("{path}: cannot go on from this state: {problem}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A run is to go on with other settings.
    #[error("the run cannot go on with other settings: {differences}")]
    ResumeConfig {
        /// Each setting that differs, with both values.
        differences: String,
    },
    /// A run is to go on with other examples.
    #[error(
        "the run cannot go on: the tokenized {split} examples are not those that it began with \
         (other rows, labels, tokenizer or maximum length); give it those, or begin anew"
    )]
    ResumeInputs {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// Writing or reading a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Writing the tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizeError),
    /// Writing another file of the result.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Of the text to measure on in pretraining, nothing is to be guessed.
    #[error(
        "no token of the held-out text is hidden, so that no guess can be measured; give more text \
         to measure on"
    )]
    NothingHidden,

    /// The weight of what the pooled output guesses is no weight.
    #[error("pooled_loss is {value}, but must be at least 0 and finite")]
    PooledLoss {
        /// The weight that was given.
        value: f64,
    },
}

impl TrainError {
    /// The same error, of one of several tasks.
    pub(crate) fn in_task(self, task: &str) -> Self {
        Self::InTask { task: task.to_owned(), source: Box::new(self) }
    }
}

fn in_words(problem_type: ProblemType) -> &'static str {
    match problem_type {
        ProblemType::SingleLabelClassification => "classification with one label for each text",
        ProblemType::MultiLabelClassification => "classification with sets of labels",
        ProblemType::Regression => "regression",
    }
}
