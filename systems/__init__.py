"""The ways to predict, one file each; the only room that imports xgboost, catboost and scikit-learn."""
