//! Short stories that use bertune.
