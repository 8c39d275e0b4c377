# Consensus clustering by ConsensusClusterPlus: arguments are folder, resamples, largest k, seed, algorithm.
# Prints wall seconds of its clustering and counting alone (ccRun), of the whole function with its plots, and
# writes the resamples it drew and the consensus of each k.
suppressMessages(library(ConsensusClusterPlus))
arguments <- commandArgs(trailingOnly = TRUE)
setwd(arguments[1])
resamples <- as.integer(arguments[2])
largest <- as.integer(arguments[3])
seed <- as.integer(arguments[4])
algorithm <- arguments[5]
shape <- scan("shape.txt", quiet = TRUE) # features, patients
d <- matrix(readBin("values.bin", "double", prod(shape)), shape[1], shape[2])
colnames(d) <- seq_len(ncol(d))
if (algorithm == "hc") { # random numbers are drawn by sampleCols only
  set.seed(seed)
  rows <- sapply(seq_len(resamples), function(i) ConsensusClusterPlus:::sampleCols(d, 0.8)$subcols)
  writeBin(as.integer(rows), "rows.bin")
}
set.seed(seed)
inner <- system.time(suppressMessages(
  ml <- ConsensusClusterPlus:::ccRun(d, maxK = largest, repCount = resamples, diss = FALSE, pItem = 0.8,
    pFeature = 1, innerLinkage = "average", clusterAlg = algorithm, distance = "euclidean", verbose = FALSE,
    corUse = "everything", weightsItem = NULL, weightsFeature = NULL)
))[["elapsed"]]
pdf(NULL)
whole <- system.time(suppressMessages(
  ConsensusClusterPlus(d, maxK = largest, reps = resamples, pItem = 0.8, clusterAlg = algorithm,
    distance = "euclidean", seed = seed)
))[["elapsed"]]
for (k in 2:largest) writeBin(as.double(ml[[k]]), sprintf("%s%d.bin", algorithm, k))
cat(inner, whole, as.character(packageVersion("ConsensusClusterPlus")), "\n")
