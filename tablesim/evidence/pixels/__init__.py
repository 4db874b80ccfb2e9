"""Which pixels make two pages alike: the bigram network down to its ink, VGG-16 by tiles, and what lies there."""
