"""The embeddings by the argument order of torch.nn.functional, where torch has functions of the same name."""
import torch.nn.functional as F

NAMES = {"embedding": F.embedding, "embedding_bag": F.embedding_bag}
