# The same sets by R SKAT: arguments are the folder with the sets and the number of repeats.
# Prints, for each trait and method, the CPU milliseconds a set in the best of the repeats; writes p-values.
suppressMessages(library(SKAT))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
shape <- scan(file.path(folder, "shape.txt"), quiet = TRUE) # people, variants of a set, sets
dosages <- readBin(file.path(folder, "dosages.bin"), "integer", prod(shape), size = 1, signed = TRUE)
dosages[dosages < 0] <- 9 # what SKAT takes for missing
sets <- array(as.numeric(dosages), dim = shape) # people run fastest
for (kind in c("linear", "logistic")) {
  table <- as.matrix(read.table(file.path(folder, paste0(kind, ".txt"))))
  type <- if (kind == "linear") "C" else "D"
  null <- SKAT_Null_Model(table[, 1] ~ table[, -1, drop = FALSE], out_type = type, Adjustment = FALSE)
  for (method in c("davies", "SKATO")) {
    p <- numeric(shape[3])
    best <- Inf
    for (round in seq_len(as.integer(arguments[2]))) {
      before <- sum(proc.time()[1:2])
      for (i in seq_len(shape[3])) {
        p[i] <- SKAT(sets[, , i], null, method = method, impute.method = "fixed")$p.value
      }
      best <- min(best, sum(proc.time()[1:2]) - before)
    }
    cat(kind, method, 1000 * best / shape[3], "\n")
    write(format(p, digits = 15), file.path(folder, paste(kind, method, "p.txt", sep = ".")), ncolumns = 1)
  }
}
