"""Transfer of a pretrained potential to another functional: methods, training, evaluation."""
