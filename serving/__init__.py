"""The predictor, model loading and hot swap, the BentoML service."""
