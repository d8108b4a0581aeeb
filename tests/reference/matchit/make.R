# Makes the reference of coarsened exact matching: rows.csv -> weights.csv, versions.csv.
#
# Run in this folder: Rscript make.R
#
# Children of one matched group in one period, drawn at random so that many have no
# counterpart. Ages have one decimal and never equal a cut point: MatchIt counts a number that
# equals a cut with the interval above it, the R package cem (and this project) with the one
# below. A missing age is a level of its own here, which MatchIt has not; its stand-in is an
# interval below all others (age -99).

library(MatchIt)

set.seed(20220701)
n <- 3000
pilot <- rbinom(n, 1, 0.3)
pick <- function(levels, p_pilot, p_comparator) {
  drawn <- character(n)
  drawn[pilot == 1] <- sample(levels, sum(pilot == 1), TRUE, p_pilot)
  drawn[pilot == 0] <- sample(levels, sum(pilot == 0), TRUE, p_comparator)
  drawn
}
rows <- data.frame(
  referral = seq_len(n),
  pilot = pilot,
  gender = pick(
    c("male", "female", "other or unborn", "missing"),
    c(.51, .47, .01, .01), c(.50, .46, .02, .02)
  ),
  ethnic_group = pick(
    c("White", "Mixed", "Asian", "Black", "Chinese", "any other", "unclassified", "missing"),
    c(.75, .04, .03, .08, .002, .005, .03, .063), c(.60, .10, .12, .08, .01, .02, .03, .04)
  ),
  school_phase = pick(
    c("before school", "primary", "secondary", "missing"),
    c(.35, .36, .28, .01), c(.30, .40, .28, .02)
  ),
  disabled = pick(c("no", "yes", "missing"), c(.85, .14, .01), c(.82, .17, .01)),
  low_income = pick(
    c("no", "yes", "below school age", "missing"),
    c(.13, .30, .32, .25), c(.25, .20, .30, .25)
  ),
  age = round(runif(n, 0, 18), 1)
)
rows$age <- ifelse(rows$age %in% c(4.5, 12.5), rows$age + 0.1, rows$age)
rows$age[sample(n, 60)] <- NA

matched <- function(cuts) {
  given <- transform(rows, age = ifelse(is.na(age), -99, age))
  found <- matchit(
    pilot ~ gender + ethnic_group + school_phase + disabled + low_income + age,
    data = given, method = "cem", estimand = "ATT", cutpoints = list(age = c(-50, cuts))
  )
  data.frame(subclass = as.integer(found$subclass), weight = found$weights)
}
coarse <- matched(c(4.5, 12.5))
fine <- matched(seq(0.95, 17.95, 1)) # so fine that most rows have no counterpart

write.csv(rows, "rows.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(
  data.frame(
    referral = rows$referral,
    subclass = coarse$subclass, weight = sprintf("%.17g", coarse$weight),
    fine_subclass = fine$subclass, fine_weight = sprintf("%.17g", fine$weight)
  ),
  "weights.csv", row.names = FALSE, na = "", quote = FALSE
)
write.csv(
  data.frame(
    software = c("R", "MatchIt"),
    version = c(as.character(getRversion()), as.character(packageVersion("MatchIt")))
  ),
  "versions.csv", row.names = FALSE, quote = FALSE
)
cat(
  "kept, coarse:", sum(coarse$weight > 0), " fine:", sum(fine$weight > 0), "of", n, "\n"
)
