//! Fine-tune a pretrained BERT into a text classifier, without Python.
