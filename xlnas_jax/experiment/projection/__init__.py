"""Labels of words in translations, by what the encoder says of both."""
