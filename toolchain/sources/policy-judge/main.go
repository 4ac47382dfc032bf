// Program policy-judge judges Kubernetes objects by rules in CEL, as the API server of the same version would.
//
// It reads requests from standard input and answers each on standard output, one JSON document a line, until its input
// ends. A request brings rules ("load"), which get numbers in the order they come in, or objects ("objects") or texts
// in YAML that hold some ("texts"), to be judged by rules ("rules"). It opens no files and no connections.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

type request struct {
	Load    []rule   `json:"load"`
	Rules   []ruleOn `json:"rules"`
	Objects []given  `json:"objects"`
	Texts   []string `json:"texts"`
}

// ruleOn is the number of a rule, with the kinds that it judges.
type ruleOn struct {
	Number int         `json:"number"`
	Kinds  [][2]string `json:"kinds"`
}

type given struct {
	Object  json.RawMessage `json:"object"`
	Unknown []path          `json:"unknown"`
}

type loaded struct {
	First    int       `json:"first"`
	Mistakes []mistake `json:"mistakes"`
}

// judged is the answer for one object: verdicts that are not true, or why the object cannot be read at all.
type judged struct {
	Error    string    `json:"error,omitempty"`
	Verdicts []verdict `json:"verdicts,omitempty"`
}

type judge struct{ rules []*compiled }

func main() {
	debug.SetGCPercent(400) // little is kept and much is made: a larger heap is a fifth of the time less
	in, out := bufio.NewReaderSize(os.Stdin, 1<<16), bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	var all judge
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			fmt.Fprintln(os.Stderr, "policy-judge: not a request:", err)
			os.Exit(1)
		}
		switch {
		case asked.Load != nil:
			err = answers.Encode(all.load(asked.Load))
		case asked.Texts != nil:
			err = answers.Encode(all.judgeTexts(asked))
		default:
			err = answers.Encode(all.judge(asked))
		}
		if err != nil || out.Flush() != nil {
			return
		}
	}
}

// load compiles rules side by side; a batch with a mistake is not kept.
func (j *judge) load(sources []rule) loaded {
	made := make([]*compiled, len(sources))
	wrong := make([][]mistake, len(sources))
	inParallel(len(sources), func(i int) {
		made[i], wrong[i] = compile(sources[i])
	})
	answer := loaded{First: len(j.rules), Mistakes: []mistake{}}
	for i, mistakes := range wrong {
		for _, it := range mistakes {
			it.Rule = i
			answer.Mistakes = append(answer.Mistakes, it)
		}
	}
	if len(answer.Mistakes) == 0 {
		j.rules = append(j.rules, made...)
	}
	return answer
}

func (j *judge) judge(asked request) []judged {
	byKind := rulesByKind(asked.Rules)
	answers := make([]judged, len(asked.Objects))
	inParallel(len(asked.Objects), func(i int) {
		it := asked.Objects[i]
		kind, err := kindOf(it.Object)
		if err != nil {
			answers[i] = judged{Error: err.Error()}
			return
		}
		answers[i] = j.one(it, kind, byKind)
	})
	return answers
}

func (j *judge) judgeTexts(asked request) [][]document {
	byKind := rulesByKind(asked.Rules)
	answers := make([][]document, len(asked.Texts))
	inParallel(len(asked.Texts), func(i int) {
		answers[i] = documents([]byte(asked.Texts[i]))
		for n := range answers[i] {
			if it := &answers[i][n]; it.Object != nil {
				it.judged = j.one(given{Object: it.Object}, it.kind, byKind)
			}
		}
	})
	return answers
}

func rulesByKind(rules []ruleOn) map[[2]string][]int {
	byKind := map[[2]string][]int{}
	for _, it := range rules {
		for _, kind := range it.Kinds {
			byKind[kind] = append(byKind[kind], it.Number)
		}
	}
	return byKind
}

func (j *judge) one(it given, kind schema.GroupVersionKind, byKind map[[2]string][]int) judged {
	version, name := kind.ToAPIVersionAndKind()
	numbers := byKind[[2]string{version, name}]
	if len(numbers) == 0 {
		return judged{}
	}
	object, err := read(it.Object, kind, it.Unknown)
	if err != nil {
		return judged{Error: err.Error()}
	}
	var answer judged
	for _, number := range numbers {
		answer.Verdicts = append(answer.Verdicts, j.rules[number].judge(number, object)...)
	}
	return answer
}

// inParallel calls work for 0 to count-1, as many at once as there are processors.
func inParallel(count int, work func(int)) {
	workers := min(count, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range count {
			work(i)
		}
		return
	}
	next := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	running.Wait()
}
